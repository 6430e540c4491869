import { z } from 'zod';
import { fileName, kept } from '../kept.ts';
import { defineTool } from '../tool.ts';

export const pdf = defineTool({
  name: 'pdf',
  title: 'Print as PDF',
  description: 'The page as a PDF, as it would be printed. Only browsers without a window of their own can.',
  input: z.object({ format: z.enum(['A3', 'A4', 'A5', 'Letter', 'Legal']).default('A4'), landscape: z.boolean().default(false), background: z.boolean().default(true), file: fileName.optional() }),
  output: kept,
  async run(io, { format, landscape, background, file }) {
    const body = await io.page.pdf({ format, landscape, printBackground: background });
    return io.keep(file ?? 'page.pdf', 'application/pdf', body);
  },
});
