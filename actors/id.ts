/** The one rule for ids: lower-case letters, digits and hyphens, 1 to 63 characters, starting with a letter or digit. */
export const ID = /^[a-z0-9][a-z0-9-]{0,62}$/;
