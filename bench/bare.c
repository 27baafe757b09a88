/*
 * bare.c: the least that a program with libcurl can do, to measure the client against: keep-alive,
 * one easy handle, the answer into a buffer; no signing, and JSON only where a work is to parse it.
 *
 *   bare ENDPOINT FOLDER    a peer (see peer.h); FOLDER has create.json and the header lines that
 * the client sends bare ENDPOINT           one GET, for the cost of a whole process
 */
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdlib.h>

#include "bare_multi.h"
#include "peer.h"

typedef struct bare {
    const char *endpoint, *folder;
    CURL *easy;
    answer a;
    char *body;
    size_t body_len;
    struct curl_slist *json, *get_headers, *create_headers;
    multi *m;
} bare;

static int perform(bare *b, const char *path, struct curl_slist *headers, int post)
{
    char url[512];
    long status = 0;
    snprintf(url, sizeof url, "%s%s", b->endpoint, path);
    b->a.len = 0;
    curl_easy_setopt(b->easy, CURLOPT_URL, url);
    curl_easy_setopt(b->easy, CURLOPT_HTTPHEADER, headers);
    if (post) {
        curl_easy_setopt(b->easy, CURLOPT_POSTFIELDS, b->body);
        curl_easy_setopt(b->easy, CURLOPT_POSTFIELDSIZE, (long)b->body_len);
    } else {
        curl_easy_setopt(b->easy, CURLOPT_HTTPGET, 1L);
    }
    CURLcode code = curl_easy_perform(b->easy);
    curl_easy_getinfo(b->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && status == (post ? 201 : 200) && b->a.len > 0)
        return 0;
    fprintf(stderr, "bare: %s: %s, status %ld\n", path, curl_easy_strerror(code), status);
    return 1;
}

static int get(void *b)
{
    return perform(b, "/model-customization-jobs/abcdefghijkl", NULL, 0);
}

static int get_headers(void *b)
{
    return perform(b, "/model-customization-jobs/abcdefghijkl", ((bare *)b)->get_headers, 0);
}

static int create(void *b)
{
    return perform(b, "/model-customization-jobs", ((bare *)b)->json, 1);
}

static int create_headers(void *b)
{
    return perform(b, "/model-customization-jobs", ((bare *)b)->create_headers, 1);
}

static int page(void *b)
{
    return perform(b, "/model-customization-jobs?maxResults=1000", NULL, 0);
}

/* The transfers alone: where the pages are is known. */
static int pages(void *b)
{
    char path[128];
    for (int i = 1; i <= 100; i++) {
        snprintf(path, sizeof path, "/model-customization-jobs?maxResults=100&nextToken=page-%03d",
                 i);
        if (perform(b, path, NULL, 0))
            return 1;
    }
    return 0;
}

/* From page to page by the token in each. */
static int pages_json(void *context)
{
    bare *b = context;
    char path[128] = "/model-customization-jobs?maxResults=100&nextToken=page-001";
    int items = 0;
    for (int more = 1; more;) {
        if (perform(b, path, NULL, 0))
            return 1;
        cJSON *root = cJSON_ParseWithLength(b->a.data, b->a.len);
        items += cJSON_GetArraySize(
            cJSON_GetObjectItemCaseSensitive(root, "modelCustomizationJobSummaries"));
        const cJSON *token = cJSON_GetObjectItemCaseSensitive(root, "nextToken");
        more = cJSON_IsString(token);
        if (more)
            snprintf(path, sizeof path, "/model-customization-jobs?maxResults=100&nextToken=%s",
                     token->valuestring);
        cJSON_Delete(root);
    }
    return items != 10000;
}

static int parallel(void *context)
{
    bare *b = context;
    char url[256];
    snprintf(url, sizeof url, "%s/model-customization-jobs/slow", b->endpoint);
    if (!b->m)
        b->m = multi_new(url);
    return !b->m || multi_run(b->m);
}

static work works[] = {{"get", get, CLOCK_PROCESS_CPUTIME_ID, 0},
                       {"get_headers", get_headers, CLOCK_PROCESS_CPUTIME_ID, 0},
                       {"create", create, CLOCK_PROCESS_CPUTIME_ID, 0},
                       {"create_headers", create_headers, CLOCK_PROCESS_CPUTIME_ID, 0},
                       {"page", page, CLOCK_PROCESS_CPUTIME_ID, 0},
                       {"pages", pages, CLOCK_PROCESS_CPUTIME_ID, 0},
                       {"pages_json", pages_json, CLOCK_PROCESS_CPUTIME_ID, 0},
                       {"parallel", parallel, CLOCK_MONOTONIC, 0},
                       {NULL, NULL, 0, 0}};

static FILE *in_folder(const bare *b, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        perror(path);
    return file;
}

static struct curl_slist *read_headers(const bare *b, const char *name)
{
    struct curl_slist *list = NULL;
    char line[2048];
    FILE *file = in_folder(b, name);
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        list = curl_slist_append(list, line);
    }
    if (file)
        fclose(file);
    return list;
}

static int read_inputs(bare *b)
{
    FILE *file = in_folder(b, "create.json");
    if (!file)
        return 1;
    b->body = malloc(1 << 16);
    if (b->body)
        b->body_len = fread(b->body, 1, 1 << 16, file);
    fclose(file);
    b->json = curl_slist_append(NULL, "Content-Type: application/json");
    b->get_headers = read_headers(b, "get.headers");
    b->create_headers = read_headers(b, "create.headers");
    return !b->body || !b->json || !b->get_headers || !b->create_headers;
}

int main(int argc, char **argv)
{
    bare b = {0};
    int status = 1;
    if (argc < 2) {
        fprintf(stderr, "usage: bare ENDPOINT [FOLDER]\n");
        return 2;
    }
    b.endpoint = argv[1];
    b.folder = argv[2];
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    b.easy = curl_easy_init();
    if (b.easy) {
        curl_easy_setopt(b.easy, CURLOPT_WRITEFUNCTION, answer_write);
        curl_easy_setopt(b.easy, CURLOPT_WRITEDATA, (void *)&b.a);
        if (!b.folder)
            status = get(&b);
        else
            status = read_inputs(&b) || peer_serve(works, &b);
    }
    multi_free(b.m);
    curl_easy_cleanup(b.easy);
    curl_slist_free_all(b.json);
    curl_slist_free_all(b.get_headers);
    curl_slist_free_all(b.create_headers);
    curl_global_cleanup();
    free(b.a.data);
    free(b.body);
    return status;
}
