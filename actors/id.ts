import { z } from 'zod';

/** The one rule for ids: lower-case letters, digits and hyphens, 1 to 63 characters, starting with a letter or digit. */
export const ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

export const idShape = z.string().regex(ID, 'must be 1 to 63 of a-z, 0-9 and hyphens');
export const groupShape = z.string().regex(ID, 'must be a group: 1 to 63 of a-z, 0-9 and hyphens');
