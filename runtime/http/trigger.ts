/** HX-Trigger as ASCII, which headers must be. */
export const trigger = (events: Record<string, unknown>): string => JSON.stringify(events).replace(/[\u007f-\uffff]/g, (ch) => `\\u${ch.charCodeAt(0).toString(16).padStart(4, '0')}`);
