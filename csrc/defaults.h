/*
 * defaults.h: whether OpenSSL is to do as it does by default.
 *
 * The first algorithm that a process looks up costs OpenSSL 3 a tenth of the CPU time of a process
 * that makes one call: it sets up the names of all that it knows. What needs SHA-256 and a few
 * random bytes only can pass that by, with the functions and the source behind OpenSSL's default
 * provider; but not where its settings ask for another provider, or for FIPS.
 */
#ifndef BK_DEFAULTS_H
#define BK_DEFAULTS_H

/* 1, or 0 where everything has to be looked up. Before OpenSSL 3 that costs nothing, and it is 0.
 */
int bk_openssl_defaults(void);

#endif
