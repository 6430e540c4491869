import type { z } from 'zod';
import type { effectInput } from '../../../transport/protocol.ts';

/** One attempt of a task, as the master asks for it. */
export type WorkInput = z.output<typeof effectInput.work>;
