import { z } from 'zod';
import { fileName, kept } from '../kept.ts';
import { hasTarget, onElement, targetFields } from '../target.ts';
import { defineTool } from '../tool.ts';

export const screenshot = defineTool({
  name: 'screenshot',
  title: 'Take a picture',
  description: 'A picture of the view, of the whole page, or of one element.',
  input: z.object({
    ...targetFields,
    fullPage: z.boolean().default(false),
    format: z.enum(['jpeg', 'png']).default('jpeg'),
    quality: z.number().int().min(1).max(100).default(70).describe('of a jpeg'),
    file: fileName.optional(),
  }),
  output: kept,
  async run(io, { fullPage, format, quality, file, ...target }) {
    const how = { type: format, ...(format === 'jpeg' ? { quality } : {}), animations: 'disabled' as const };
    const body = hasTarget(target) ? await onElement(io.page, 'screenshot', target, io.timeoutMs, (element, timeout) => element.screenshot({ ...how, timeout })) : await io.page.screenshot({ ...how, fullPage, timeout: io.timeoutMs });
    return io.keep(file ?? `screenshot.${format === 'jpeg' ? 'jpg' : 'png'}`, `image/${format}`, body);
  },
});
