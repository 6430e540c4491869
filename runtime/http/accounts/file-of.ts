/** A file as an answer; with a name it is a download. */
export const fileOf = (body: string | Uint8Array, type: string, name: string | null): Response =>
  new Response(body as BodyInit, { headers: { 'Content-Type': type, 'Cache-Control': 'private, no-store', 'X-Content-Type-Options': 'nosniff', ...(name ? { 'Content-Disposition': `attachment; filename="${name}"` } : {}) } });
