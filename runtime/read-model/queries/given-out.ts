/** Of `tasks`: those that were given out once, as soon as there was room. One that waited for another task, or for its time, was not slow to be given out. */
export const GIVEN_OUT = "placings = 1 AND after = '[]' AND at_ms IS NULL";
