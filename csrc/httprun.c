/* httprun.c: a request under way: whether it goes on, and when it has taken too long. See
 * httpparts.h. */
#include "httpparts.h"

#include <time.h>

/* Wakes in a row that bring nothing before they stop to count as a sign of life, and the pause
 * between them then. */
enum { MAX_IDLE_WAKES = 4096, IDLE_PAUSE_NS = 2000000 };

long long bk_http_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void bk_http_start(bk_http *h, long read_ms, long whole_ms)
{
    h->read_ms = read_ms;
    h->whole_ms = whole_ms;
    h->started = bk_http_now();
}

/*
 * The read timeout counts from when the connection stands (until then the connect timeout does) or
 * from the last sign of life on the socket, in either direction. The whole call's limit counts from
 * setup.
 */
long bk_http_wait(bk_http *h, long long now, bk_http_outcome *outcome)
{
    long long wait = -1;
    *outcome = BK_HTTP_OK;
    if (h->read_ms > 0) {
        if (!h->connected) {
            curl_off_t at = 0;
            (void)curl_easy_getinfo(h->easy, CURLINFO_PRETRANSFER_TIME_T, &at);
            h->connected = at > 0;
            h->active = 1;
        }
        if (h->active)
            h->last_activity = now;
        h->active = 0;
        if (h->connected) {
            wait = h->last_activity + h->read_ms - now;
            if (wait <= 0)
                *outcome = BK_HTTP_TIMEOUT_READ;
        }
    }
    if (h->whole_ms > 0) {
        long long left = h->started + h->whole_ms - now;
        if (left <= 0)
            *outcome = BK_HTTP_TIMEOUT_WHOLE;
        if (wait < 0 || left < wait)
            wait = left;
    }
    return *outcome != BK_HTTP_OK ? 0 : (long)wait;
}

/*
 * A socket that was ready counts as a sign of life even where nothing was delivered, since a header
 * line or a TLS record may come byte by byte; but not without end: libcurl 7.88 wakes for a
 * writable socket for ever when an HTTP/2 server answers before it has read a large body. Where the
 * answer is whole in such a case, there is nothing left to wait for.
 */
bk_http_turn bk_http_look(bk_http *h)
{
    if (h->body_len > 0) {
        curl_off_t sent = 0;
        (void)curl_easy_getinfo(h->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
        h->active |= sent != h->sent;
        h->sent = sent;
    }
    if (h->active) {
        h->idle_wakes = 0;
        return BK_HTTP_GOES_ON;
    }
    if (!h->was_ready)
        return BK_HTTP_GOES_ON;
    if (++h->idle_wakes < MAX_IDLE_WAKES) {
        h->active = 1;
        return BK_HTTP_GOES_ON;
    }
    curl_off_t length = -1;
    if (h->head_done && h->status >= 200 &&
        curl_easy_getinfo(h->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) == CURLE_OK &&
        length >= 0 && (unsigned long long)length == h->out.len)
        return BK_HTTP_IS_WHOLE;
    return BK_HTTP_IDLES;
}

void bk_http_pause(void)
{
    struct timespec pause = {0, IDLE_PAUSE_NS};
    (void)nanosleep(&pause, NULL);
}
