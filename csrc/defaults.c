/* defaults.c: see defaults.h. */
#include "defaults.h"

#include <openssl/evp.h>

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#include <openssl/provider.h>

int bk_openssl_defaults(void)
{
    return OSSL_PROVIDER_available(NULL, "default") == 1 &&
           EVP_default_properties_is_fips_enabled(NULL) == 0;
}
#else
int bk_openssl_defaults(void)
{
    return 0;
}
#endif
