import { data } from './data.ts';
import { effects } from './effects.ts';
import { states } from './states.ts';
import { time } from './time.ts';

export const corpus = [...states, ...data, ...time, ...effects];
