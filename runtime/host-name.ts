import { hostname } from 'node:os';

/** This machine's name as an id: of `Box-7.example.org`, `box-7`. */
export const hostId = (fallback: string, name = hostname()): string => name.toLowerCase().split('.')[0]!.replace(/[^a-z0-9-]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 63) || fallback;
