import type { z } from 'zod';

/** What the OpenAPI document says about one route. `canonical` names the path that this one repeats. */
export type ApiDoc = { tag: string; summary: string; query?: z.ZodObject; body?: z.ZodType; answer: string; status?: number; also?: Record<string, string>; canonical?: string };
