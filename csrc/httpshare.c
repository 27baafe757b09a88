/* httpshare.c: see httpshare.h. */
#include "httpshare.h"
#include "httpparts.h"

#include <stdlib.h>

bk_http_share *bk_http_share_new(void)
{
    bk_http_share *share = bk_http_global() ? malloc(sizeof *share) : NULL;
    if (!share)
        return NULL;
    share->users = 1;
    share->curl = curl_share_init();
    if (share->curl &&
        curl_share_setopt(share->curl, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK) {
        /* A libcurl may have been built without it. */
        (void)curl_share_setopt(share->curl, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
        return share;
    }
    bk_http_share_release(share);
    return NULL;
}

void bk_http_share_hold(bk_http_share *share)
{
    if (share)
        share->users++;
}

void bk_http_share_release(bk_http_share *share)
{
    if (share && --share->users == 0) {
        (void)curl_share_cleanup(share->curl);
        free(share);
    }
}
