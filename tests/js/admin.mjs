// What the tests of the admin namespace share.

/** The bcrypt hash of the password `secret`, at the lowest cost. */
export const HASH = "$2a$04$f302jn6wHbs6/aKOsS1Ltu/0BSXVmBt1Gb1Kr5ui8uNsfill//kwW";

/** The same at a cost that takes a while. */
export const SLOW_HASH = "$2a$11$F3gxsRdRnNCdxm3h2gv0V.2A270nTXt2psFHflCc1mG9lIilWmxbK";
