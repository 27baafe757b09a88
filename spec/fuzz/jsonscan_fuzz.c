/*
 * jsonscan_fuzz.c: any bytes as JSON text.
 *
 * What bk_json_check accepts, cJSON has to take once it is rewritten, to the last byte: the codec
 * relies on it. And a rewritten text is accepted again, with nothing left to rewrite, but for its
 * marks.
 */
#include "jsonscan.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_accepted(const char *text, size_t n, int found)
{
    bk_buf out = {0};
    bk_json_scan again;
    const char *behind = NULL;
    cJSON *tree;
    bk_json_rewrite(text, n, &out);
    if (out.failed)
        abort();
    tree = cJSON_ParseWithLengthOpts(out.data, out.len, &behind, 0);
    if (!tree)
        abort();
    for (; behind < out.data + out.len; behind++)
        if (!strchr(" \t\r\n", *behind) || !*behind)
            abort();
    cJSON_Delete(tree);
    if (!bk_json_check(out.data, out.len, BK_JSON_MAX_DEPTH, &again))
        abort();
    if (again.found & (BK_JSON_HAS_NUL | BK_JSON_HAS_LONG_NUMBER))
        abort();
    if (!found && (again.found || out.len != n - bk_json_bom(text, n) ||
                   memcmp(out.data, text + bk_json_bom(text, n), out.len) != 0))
        abort();
    bk_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A block of exactly this size, so that the sanitizer sees each byte read too far. */
    char *text = malloc(size ? size : 1);
    bk_json_scan scan;
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    if (bk_json_check(text, size, BK_JSON_MAX_DEPTH, &scan)) {
        if (scan.error || scan.error_at != size)
            abort();
        check_accepted(text, size, scan.found);
    } else if (!scan.error || scan.error_at > size) {
        abort();
    }
    free(text);
    return 0;
}
