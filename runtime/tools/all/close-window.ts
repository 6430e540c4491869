import { z } from 'zod';
import { defineTool } from '../tool.ts';

export const closeWindow = defineTool({
  name: 'close_window',
  title: 'Close the window',
  description: 'Closes the window in order. An agent whose window is closed is closed too.',
  input: z.object({}),
  output: z.object({ closed: z.literal(true) }),
  limitMs: 15_000,
  async run(io) {
    await io.close();
    return { closed: true };
  },
});
