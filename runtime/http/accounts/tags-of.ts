/** Tags as somebody types them. */
export const tagsOf = (text: string): string[] => [...new Set(text.split(/[,，、;；\n]+/).map((t) => t.trim()).filter(Boolean))];
