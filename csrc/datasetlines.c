/* datasetlines.c: the lines of a data set, and what is found in them. See dataset.h. */
#include "dataset.h"
#include "datasetparts.h"
#include "jsonscan.h"

#include <stdio.h>
#include <stdlib.h>

enum { EXCERPT_CHARACTERS = (BK_DATASET_EXCERPT - 1) / 4, TAIL = 24, FIRST_ROOM = 32 };

/* What is kept of a line that is too long. */
enum { BEGINNING = 512 };

/* ------------------------------------------------------------------------------------- reports */

static const struct {
    const char *name;
    char is_error;
} rules[BK_RULE_COUNT] = {
    [BK_RULE_NOT_TEXT] = {"not-text", 1},
    [BK_RULE_UTF_16] = {"utf-16", 1},
    [BK_RULE_ARRAY_FILE] = {"array-file", 1},
    [BK_RULE_BYTE_ORDER_MARK] = {"byte-order-mark", 1},
    [BK_RULE_INVALID_UTF_8] = {"invalid-utf-8", 1},
    [BK_RULE_NUL_BYTE] = {"nul-byte", 1},
    [BK_RULE_BLANK_LINE] = {"blank-line", 1},
    [BK_RULE_TRAILING_BLANK_LINE] = {"trailing-blank-line", 1},
    [BK_RULE_JSON] = {"json", 1},
    [BK_RULE_CUT_OFF] = {"cut-off", 1},
    [BK_RULE_MULTI_LINE] = {"multi-line", 1},
    [BK_RULE_LINE_BREAK_IN_STRING] = {"line-break-in-string", 1},
    [BK_RULE_SEVERAL_RECORDS] = {"several-records", 1},
    [BK_RULE_CONTROL_BYTE] = {"control-byte", 1},
    [BK_RULE_LONE_SURROGATE] = {"lone-surrogate", 1},
    [BK_RULE_RECORD_TOO_LARGE] = {"record-too-large", 1},
    [BK_RULE_NOT_AN_OBJECT] = {"not-an-object", 1},
    [BK_RULE_OTHER_SHAPE] = {"other-shape", 1},
    [BK_RULE_MISSING_KEY] = {"missing-key", 1},
    [BK_RULE_UNKNOWN_KEY] = {"unknown-key", 1},
    [BK_RULE_DUPLICATE_KEY] = {"duplicate-key", 1},
    [BK_RULE_WRONG_TYPE] = {"wrong-type", 1},
    [BK_RULE_EMPTY_TEXT] = {"empty-text", 1},
    [BK_RULE_EMPTY_LIST] = {"empty-list", 1},
    [BK_RULE_BLOCK_FORM] = {"block-form", 1},
    [BK_RULE_UNKNOWN_ROLE] = {"unknown-role", 1},
    [BK_RULE_FIRST_ROLE] = {"first-role", 1},
    [BK_RULE_ROLE_ORDER] = {"role-order", 1},
    [BK_RULE_LAST_ROLE] = {"last-role", 1},
    [BK_RULE_RESERVED_WORD] = {"reserved-word", 1},
    [BK_RULE_RECORD_TOO_LONG] = {"record-too-long", 1},
    [BK_RULE_CAPTION_LENGTH] = {"caption-length", 1},
    [BK_RULE_MEDIA_FOR_TEXT_MODEL] = {"media-for-text-model", 1},
    [BK_RULE_INLINE_MEDIA] = {"inline-media", 1},
    [BK_RULE_MEDIA_FORMAT] = {"media-format", 1},
    [BK_RULE_S3_URI] = {"s3-uri", 1},
    [BK_RULE_MEDIA_FILE_NAME] = {"media-file-name", 1},
    [BK_RULE_SEVERAL_BUCKETS] = {"several-buckets", 1},
    [BK_RULE_MIXED_MEDIA] = {"mixed-media", 1},
    [BK_RULE_TOO_MANY_MEDIA] = {"too-many-media", 1},
    [BK_RULE_CRLF] = {"crlf", 0},
    [BK_RULE_ESCAPED_NUL] = {"escaped-nul", 0},
    [BK_RULE_SCHEMA_VERSION] = {"schema-version", 0},
    [BK_RULE_TOOL_SECTION] = {"tool-section", 0},
    [BK_RULE_REASONING_SECTION] = {"reasoning-section", 0},
    [BK_RULE_RESERVED_WORD_ELSEWHERE] = {"reserved-word-elsewhere", 0},
    [BK_RULE_RECORD_MAYBE_TOO_LONG] = {"record-maybe-too-long", 0},
    [BK_RULE_DUPLICATE_RECORD] = {"duplicate-record", 0},
};

static const char *const shape_names[BK_SHAPE_COUNT] = {"", "prompt-completion", "converse",
                                                        "anthropic-messages", "image-caption"};

const char *bk_dataset_rule_name(enum bk_dataset_rule rule)
{
    return rules[rule].name;
}

int bk_dataset_is_error(enum bk_dataset_rule rule)
{
    return rules[rule].is_error;
}

const char *bk_dataset_shape_name(enum bk_dataset_shape shape)
{
    return shape_names[shape];
}

/* A character that a terminal acts on or does not show: controls, those that change the direction
 * of writing, a byte order mark. Neither are the two that XML does not hold shown, U+FFFE and
 * U+FFFF. */
static int is_hidden(const char *p, int length)
{
    const unsigned char *u = (const unsigned char *)p;
    if (length == 1)
        return u[0] < 0x20 || u[0] == 0x7F;
    if (length == 2)
        return (u[0] == 0xC2 && u[1] < 0xA0) || (u[0] == 0xD8 && u[1] == 0x9C);
    if (length == 3 && u[0] == 0xE2 && u[1] == 0x80)
        return u[2] == 0x8E || u[2] == 0x8F || (u[2] >= 0xA8 && u[2] <= 0xAE);
    if (length == 3 && u[0] == 0xE2 && u[1] == 0x81)
        return u[2] >= 0xA6 && u[2] <= 0xA9;
    if (length == 3 && u[0] == 0xEF && u[1] == 0xBF)
        return u[2] >= 0xBE;
    return bk_json_bom(p, (size_t)length) > 0;
}

/* Text for people and their terminals: what is no printable UTF-8 becomes \xNN. */
static void fill_excerpt(char *to, const char *p, const char *end)
{
    for (int i = 0; i < EXCERPT_CHARACTERS && p < end; i++) {
        int bad, length = bk_utf8_sequence(p, end, &bad);
        unsigned char byte = (unsigned char)*p;
        if (length == 0 || is_hidden(p, length)) {
            to += sprintf(to, "\\x%02X", byte);
            p++;
        } else {
            memcpy(to, p, (size_t)length);
            to += length;
            p += length;
        }
    }
    *to = '\0';
}

static int is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

void bk_dataset_place(const bk_dataset *d, const bk_line *line, const char *at,
                      bk_dataset_example *example)
{
    memset(example, 0, sizeof *example);
    example->line = d->lines;
    example->offset = d->line_at + (uint64_t)(at - line->start);
    example->column = 1;
    for (const char *p = line->text; p < at; p++)
        example->column += !is_continuation(*p);
    if (at >= line->end) { /* nothing stands there: what came before helps more */
        at = line->end - line->text > TAIL ? line->end - TAIL : line->text;
        while (at < line->end && is_continuation(*at))
            at++;
    }
    fill_excerpt(example->excerpt, at, line->end);
}

/* Room for one more, or NULL. */
static bk_dataset_example *next_example(bk_dataset *d)
{
    if (d->example_count == d->example_room) {
        size_t room = d->example_room ? 2 * d->example_room : FIRST_ROOM;
        void *grown = realloc(d->examples, room * sizeof *d->examples);
        if (!grown) {
            d->failed = 1;
            return NULL;
        }
        d->examples = grown;
        d->example_room = room;
    }
    return &d->examples[d->example_count++];
}

void bk_dataset_add(bk_dataset *d, enum bk_dataset_rule rule, const bk_dataset_example *example)
{
    bk_dataset_example *to;
    d->bad |= rules[rule].is_error;
    if (d->counts[rule]++ >= d->options.examples || !(to = next_example(d)))
        return;
    *to = *example;
    to->rule = rule;
}

void bk_dataset_report(bk_dataset *d, const bk_line *line, enum bk_dataset_rule rule,
                       const char *at, const char *note, uint64_t value, uint64_t limit)
{
    bk_dataset_example example;
    if (d->counts[rule] < d->options.examples) /* or else it is only counted */
        bk_dataset_place(d, line, at, &example);
    example.note = note;
    example.value = value;
    example.limit = limit;
    bk_dataset_add(d, rule, &example);
}

/* ---------------------------------------------------------------------------------- duplicates */

static void compare(bk_dataset *d, const bk_dataset_late *record)
{
    uint64_t first = bk_seen_add(&d->seen, record->hash, record->line);
    bk_dataset_example example;
    if (!first)
        return;
    memset(&example, 0, sizeof example);
    example.line = record->line;
    example.offset = record->offset;
    example.column = 1;
    example.value = first;
    fill_excerpt(example.excerpt, record->beginning, record->beginning + record->length);
    bk_dataset_add(d, BK_RULE_DUPLICATE_RECORD, &example);
}

void bk_dataset_compare_later(bk_dataset *d, const bk_line *line, uint64_t hash)
{
    bk_dataset_late *record = &d->late[d->late_count % BK_DATASET_LATE];
    size_t length = (size_t)(line->end - line->text);
    if (d->late_count >= BK_DATASET_LATE)
        compare(d, record);
    d->late_count++;
    bk_seen_prepare(&d->seen, hash);
    record->hash = hash;
    record->line = d->lines;
    record->offset = d->line_at + (uint64_t)(line->text - line->start);
    record->length = length < sizeof record->beginning ? length : sizeof record->beginning;
    memcpy(record->beginning, line->text, record->length);
}

static void compare_rest(bk_dataset *d)
{
    size_t first = d->late_count > BK_DATASET_LATE ? d->late_count - BK_DATASET_LATE : 0;
    for (; first < d->late_count; first++)
        compare(d, &d->late[first % BK_DATASET_LATE]);
    d->late_count = 0;
}

/* ---------------------------------------------------------------------------- the file's format */

typedef struct signature {
    const char *bytes; /* a `*` stands for any but NUL */
    size_t n;
    enum bk_dataset_rule rule;
    const char *what;
} signature;

#define SIGNATURE(bytes, rule, what)                                                               \
    {                                                                                              \
        bytes, sizeof bytes - 1, rule, what                                                        \
    }

static const signature signatures[] = {
    SIGNATURE("\xFF\xFE\0\0", BK_RULE_UTF_16, "UTF-32, little endian"),
    SIGNATURE("\0\0\xFE\xFF", BK_RULE_UTF_16, "UTF-32, big endian"),
    SIGNATURE("\xFF\xFE", BK_RULE_UTF_16, "UTF-16, little endian"),
    SIGNATURE("\xFE\xFF", BK_RULE_UTF_16, "UTF-16, big endian"),
    SIGNATURE("{\0\0\0", BK_RULE_UTF_16, "UTF-32, little endian"),
    SIGNATURE("\0\0\0{", BK_RULE_UTF_16, "UTF-32, big endian"),
    SIGNATURE("{\0*\0", BK_RULE_UTF_16, "UTF-16, little endian"),
    SIGNATURE("\0{\0*", BK_RULE_UTF_16, "UTF-16, big endian"),
    SIGNATURE("\x1F\x8B", BK_RULE_NOT_TEXT, "a gzip file"),
    SIGNATURE("PK\3\4", BK_RULE_NOT_TEXT, "a zip file, or one of Excel"),
    SIGNATURE("\x28\xB5\x2F\xFD", BK_RULE_NOT_TEXT, "a zstd file"),
    SIGNATURE("BZh", BK_RULE_NOT_TEXT, "a bzip2 file"),
    SIGNATURE("PAR1", BK_RULE_NOT_TEXT, "a Parquet file"),
};

static void stop(bk_dataset *d, const bk_line *line, enum bk_dataset_rule rule, const char *what)
{
    bk_dataset_report(d, line, rule, line->text, what, 0, 0);
    d->stopped = 1;
}

/* A list of records, on one line or over many. */
static int begins_array(const bk_line *line)
{
    const char *p = bk_skip_blanks(line->text, line->end);
    if (p == line->end || *p != '[')
        return 0;
    p = bk_skip_blanks(p + 1, line->end);
    return p == line->end || *p == '{';
}

static int has_signature(const bk_line *line, const signature *s)
{
    if ((size_t)(line->end - line->start) < s->n)
        return 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->bytes[i] == '*' ? !line->start[i] : line->start[i] != s->bytes[i])
            return 0;
    return 1;
}

/* The first line says of what kind the file is. */
static void look_at_format(bk_dataset *d, const bk_line *line)
{
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        if (has_signature(line, &signatures[i])) {
            stop(d, line, signatures[i].rule, signatures[i].what);
            return;
        }
    }
    if (begins_array(line))
        stop(d, line, BK_RULE_ARRAY_FILE, NULL);
}

/* -------------------------------------------------------------------------------------- lines */

/* Blank lines wait for what comes behind them: at the end of the file they are another problem. */
static void hold_blank(bk_dataset *d, const bk_line *line)
{
    if (d->blank_count++ == 0)
        bk_dataset_place(d, line, line->text, &d->blank);
}

static void release_blank(bk_dataset *d, enum bk_dataset_rule rule)
{
    if (d->blank_count == 0)
        return;
    d->blank.value = d->blank.line + d->blank_count - 1;
    bk_dataset_add(d, rule, &d->blank);
    d->counts[rule] += d->blank_count - 1;
    d->blank_count = 0;
}

/* A record that its line ends too soon for. What it is called depends on the lines behind it. */
static void close_unfinished(bk_dataset *d)
{
    bk_dataset_add(d,
                   d->unfinished.value == 0    ? BK_RULE_CUT_OFF
                   : d->open == BK_OPEN_STRING ? BK_RULE_LINE_BREAK_IN_STRING
                                               : BK_RULE_MULTI_LINE,
                   &d->unfinished);
    d->open = BK_OPEN_NOT;
}

/* Follows brackets and quotes to the end of such a record. */
static void go_on_with_unfinished(bk_dataset *d, const bk_line *line)
{
    d->unfinished.value = d->lines;
    for (const char *p = line->text; p < line->end && d->depth > 0; p++) {
        if (d->in_string) {
            if (*p == '\\')
                p++;
            else if (*p == '"')
                d->in_string = 0;
        } else if (*p == '"') {
            d->in_string = 1;
        } else if (*p == '{' || *p == '[') {
            d->depth++;
        } else if (*p == '}' || *p == ']') {
            d->depth--;
        }
    }
    if (d->depth == 0)
        close_unfinished(d);
}

/* In a record over several lines a line may begin with a brace, but seldom at once with more. */
static int begins_record(const bk_line *line)
{
    return line->text < line->end && *line->text == '{' &&
           bk_skip_blanks(line->text + 1, line->end) < line->end;
}

static void check_line(bk_dataset *d, bk_line *line)
{
    size_t bom = bk_json_bom(line->start, (size_t)(line->end - line->start));
    d->bad = 0;
    d->lines++;
    if (d->lines == 1)
        look_at_format(d, line);
    if (d->stopped)
        return;
    if (bom) {
        bk_dataset_report(d, line, BK_RULE_BYTE_ORDER_MARK, line->text, NULL, 0, 0);
        line->text += bom;
        if (d->lines == 1 && begins_array(line)) {
            stop(d, line, BK_RULE_ARRAY_FILE, NULL);
            return;
        }
    }
    if (line->end > line->text && line->end[-1] == '\r') {
        line->end--;
        bk_dataset_report(d, line, BK_RULE_CRLF, line->end, NULL, 0, 0);
    }
    int blank = bk_skip_blanks(line->text, line->end) == line->end;
    if (d->open && (begins_record(line) || (blank && d->open == BK_OPEN_VALUE)))
        close_unfinished(d);
    if (d->open) {
        go_on_with_unfinished(d, line);
        return;
    }
    if (blank) {
        hold_blank(d, line);
        return;
    }
    release_blank(d, BK_RULE_BLANK_LINE);
    d->bad = 0; /* what came before is no problem of this record, but for its own mark */
    d->records++;
    bk_dataset_record(d, line);
    d->bad_records += d->bad || bom > 0;
}

/* A line that is too long to be put together: its beginning. */
static void refuse_line(bk_dataset *d, const bk_line *line)
{
    d->lines++;
    if (d->lines == 1)
        look_at_format(d, line);
    if (d->stopped)
        return;
    if (d->open)
        close_unfinished(d);
    release_blank(d, BK_RULE_BLANK_LINE);
    d->records++;
    d->bad_records++;
    bk_dataset_report(d, line, BK_RULE_RECORD_TOO_LARGE, line->text, NULL, 0,
                      BK_DATASET_MAX_RECORD);
}

/* ------------------------------------------------------------------------------------- feeding */

int bk_dataset_init(bk_dataset *d, const bk_dataset_options *options)
{
    memset(d, 0, sizeof *d);
    d->options = *options;
    return bk_seen_init(&d->seen, options->remember);
}

void bk_dataset_free(bk_dataset *d)
{
    bk_seen_free(&d->seen);
    bk_buf_free(&d->part);
    free(d->examples);
    d->examples = NULL;
    d->example_count = d->example_room = 0;
}

/* Keeps bytes of a line that is not whole yet; of one that gets too long only its beginning. */
static void keep(bk_dataset *d, const char *p, size_t n)
{
    size_t wanted = n;
    d->part_bytes += n;
    if (d->part_bytes > BK_DATASET_MAX_RECORD)
        wanted = d->part.len < BEGINNING ? BEGINNING - d->part.len : 0;
    bk_buf_add(&d->part, p, wanted < n ? wanted : n);
    if (d->part.failed)
        d->failed = 1;
}

static void end_line(bk_dataset *d, const char *p, size_t n, size_t line_feed)
{
    bk_line line = {p, p, p + n};
    if (d->part_bytes || n > BK_DATASET_MAX_RECORD) {
        keep(d, p, n);
        n = 0;
        line.start = line.text = d->part.data ? d->part.data : "";
        line.end = line.start + d->part.len;
    }
    if (d->failed)
        return;
    uint64_t length = d->part_bytes + n;
    if (length > BK_DATASET_MAX_RECORD)
        refuse_line(d, &line);
    else
        check_line(d, &line);
    d->line_at += length + line_feed;
    d->bytes = d->line_at;
    d->part_bytes = 0;
    d->part.len = 0;
}

int bk_dataset_feed(bk_dataset *d, const char *bytes, size_t n)
{
    const char *p = bytes, *end = bytes + n;
    while (p < end && !d->stopped && !d->failed) {
        const char *line_feed = memchr(p, '\n', (size_t)(end - p));
        size_t length = (size_t)((line_feed ? line_feed : end) - p);
        if (length > BK_DATASET_ENDLESS - d->part_bytes) {
            end_line(d, p, (size_t)(BK_DATASET_ENDLESS - d->part_bytes), 0);
            d->stopped = 1;
        } else if (line_feed) {
            end_line(d, p, length, 1);
            p = line_feed + 1;
        } else {
            keep(d, p, length);
            break;
        }
    }
    return !d->failed;
}

int bk_dataset_finish(bk_dataset *d)
{
    if (d->part_bytes && !d->stopped && !d->failed)
        end_line(d, "", 0, 0);
    if (d->open)
        close_unfinished(d);
    release_blank(d, BK_RULE_TRAILING_BLANK_LINE);
    compare_rest(d);
    return !d->failed;
}
