import { z } from 'zod';
import { fileName } from '../kept.ts';
import { onElement, targetFields } from '../target.ts';
import { defineTool } from '../tool.ts';
import { ToolFault } from '../tool-fault.ts';

const LARGEST = 700_000;

export const upload = defineTool({
  name: 'upload',
  title: 'Upload files',
  description: 'Puts files into a file field, or into the chooser that a clicked element opens. 700 kB in all; each as text or base64.',
  input: z.object({
    ...targetFields,
    files: z.array(z.strictObject({ file: fileName, type: z.string().max(100).default('application/octet-stream'), text: z.string().max(LARGEST).optional(), base64: z.base64().max(LARGEST).optional() })).min(1).max(20),
  }),
  output: z.object({ files: z.number(), bytes: z.number() }),
  async run(io, { files, ...target }) {
    const made = files.map((f, i) => {
      if ((f.text === undefined) === (f.base64 === undefined)) throw new ToolFault('invalid', `upload: files.${i}: give text or base64`, `files.${i}`);
      return { name: f.file, mimeType: f.type, buffer: f.text === undefined ? Buffer.from(f.base64!, 'base64') : Buffer.from(f.text) };
    });
    const bytes = made.reduce((sum, f) => sum + f.buffer.length, 0);
    if (bytes > LARGEST) throw new ToolFault('invalid', `upload: files: ${bytes} bytes in all, ${LARGEST} at most`, 'files');
    await onElement(io.page, 'upload', target, io.timeoutMs, async (element, timeout) => {
      if (await element.evaluate((e) => e instanceof HTMLInputElement && e.type === 'file')) return element.setInputFiles(made, { timeout });
      const chooser = io.page.waitForEvent('filechooser', { timeout });
      chooser.catch(() => undefined);
      await element.click({ timeout });
      await (await chooser.catch(() => {
        throw new ToolFault('element-not-found', 'upload: this element is no file field, and clicking it opens no chooser', 'selector');
      })).setFiles(made, { timeout });
    });
    return { files: made.length, bytes };
  },
});
