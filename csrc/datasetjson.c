/* datasetjson.c: reading JSON within a line of a data set, see datasetparts.h. */
#include "datasetparts.h"
#include "jsonscan.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Quarters of a token that a character takes, by the length of its UTF-8; what this is worth stands
 * in lua/bedrock/tuning/dataset.lua. */
static const unsigned char quarters_of[5] = {0, 1, 2, 4, 8};

int bk_cursor_fail(bk_cursor *c, const char *at, const char *why)
{
    c->error_at = at;
    c->why = at < c->end ? why : "the line ends too soon";
    c->error_rule = at < c->end && *at == '\0' ? BK_RULE_NUL_BYTE : BK_RULE_JSON;
    return 0;
}

void bk_cursor_report(const bk_cursor *c, enum bk_dataset_rule rule, const char *at,
                      const char *note)
{
    if (!c->quiet)
        bk_dataset_report(c->d, c->line, rule, at, note, 0, 0);
}

/* ------------------------------------------------------------------------------ reserved words */

typedef struct word {
    const char *text;
    unsigned char length;
    char exact; /* as the service names it; others are alike, and a sample of AWS's warns of them */
} word;

#define WORD(text, exact)                                                                          \
    {                                                                                              \
        text, sizeof text - 1, exact                                                               \
    }

static const word words_with_colon[] = {
    WORD("User", 1),    WORD("Bot", 1),     WORD("Assistant", 1), WORD("System", 1),
    WORD("USER", 0),    WORD("BOT", 0),     WORD("ASSISTANT", 0), WORD("SYSTEM", 0),
    WORD("Thought", 0), WORD("THOUGHT", 0), {NULL, 0, 0}};
static const word words_in_angles[] = {
    WORD("<image", 1),       WORD("<video", 1),       WORD("<IMAGE", 0),
    WORD("<VIDEO", 0),       WORD("\\u003cimage", 1), WORD("\\u003cvideo", 1),
    WORD("\\u003Cimage", 1), WORD("\\u003Cvideo", 1), {NULL, 0, 0}};
static const word words_in_brackets[] = {WORD("[EOS", 1), {NULL, 0, 0}};

/* Looks back from the byte that ends such words. */
static void look_back(bk_words *found, const word *list, const char *from, const char *at)
{
    for (const word *w = list; w->text; w++) {
        if (at - from < w->length || memcmp(at - w->length, w->text, w->length) != 0)
            continue;
        if (found->known < BK_WORDS_MAX) {
            found->at[found->known] = at - w->length;
            found->is_exact[found->known++] = w->exact;
        } else if (w->exact) {
            found->more_exact++;
        } else {
            found->more_alike++;
        }
        return;
    }
}

static const char *next_word_end(const char *p, const char *end)
{
#if defined(__SSE2__)
    const __m128i colon = _mm_set1_epi8(':'), angle = _mm_set1_epi8('>'),
                  bracket = _mm_set1_epi8(']');
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        int mask = _mm_movemask_epi8(
            _mm_or_si128(_mm_cmpeq_epi8(x, colon),
                         _mm_or_si128(_mm_cmpeq_epi8(x, angle), _mm_cmpeq_epi8(x, bracket))));
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (p < end && *p != ':' && *p != '>' && *p != ']')
        p++;
    return p;
}

static void find_words(bk_words *found, const char *from, const char *p, const char *end)
{
    for (; (p = next_word_end(p, end)) < end; p++)
        look_back(found,
                  *p == ':'   ? words_with_colon
                  : *p == '>' ? words_in_angles
                              : words_in_brackets,
                  from, p);
}

/* ------------------------------------------------------------------------------------ strings */

/* Four hexadecimal digits; gives how many there are. */
static int read_hex4(const char *p, const char *end, unsigned *value)
{
    int n = 0;
    *value = 0;
    for (; n < 4 && p + n < end; n++) {
        unsigned char byte = (unsigned char)p[n], lower = byte | 0x20;
        if (byte >= '0' && byte <= '9')
            *value = *value * 16 + byte - '0';
        else if (lower >= 'a' && lower <= 'f')
            *value = *value * 16 + lower - 'a' + 10;
        else
            break;
    }
    return n;
}

/* What an escape stands for; *p is behind the backslash and ends behind the escape. A surrogate
 * without its other half stays one. Gives 0 for what is none: *p is then at the byte that is wrong.
 */
static int read_escape(const char **p, const char *end, unsigned *code)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *letter;
    unsigned low;
    if (*p == end)
        return 0;
    if (**p != 'u') {
        letter = **p ? strchr(letters, **p) : NULL;
        if (!letter)
            return 0;
        *code = (unsigned char)meant[letter - letters];
        ++*p;
        return 1;
    }
    int digits = read_hex4(*p + 1, end, code);
    *p += 1 + digits;
    if (digits < 4)
        return 0;
    if (*code >= 0xD800 && *code <= 0xDBFF && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' &&
        read_hex4(*p + 2, end, &low) == 4 && low >= 0xDC00 && low <= 0xDFFF) {
        *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
        *p += 6;
    }
    return 1;
}

static int utf8_length(unsigned code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/* White space of Unicode. */
static int is_space(unsigned code)
{
    return code == ' ' || (code >= '\t' && code <= '\r') || code == 0x85 || code == 0xA0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

/* The character of a valid sequence of two or more bytes. */
static unsigned code_of(const char *p, int length)
{
    unsigned code = (unsigned char)p[0] & (0x7Fu >> length);
    for (int i = 1; i < length; i++)
        code = code << 6 | ((unsigned char)p[i] & 0x3Fu);
    return code;
}

static inline void count_character(bk_text *text, int length)
{
    text->size.characters++;
    text->size.quarters += quarters_of[length];
}

static int check_escape(bk_cursor *c, bk_text *text, bk_words *words)
{
    const char *at = c->p++;
    unsigned code;
    text->escaped = 1;
    if (!read_escape(&c->p, c->end, &code))
        return bk_cursor_fail(c, c->p, "this is no escape");
    if (code == 0)
        bk_cursor_report(c, BK_RULE_ESCAPED_NUL, at, NULL);
    else if (code >= 0xD800 && code <= 0xDFFF)
        bk_cursor_report(c, BK_RULE_LONE_SURROGATE, at, NULL);
    else if (code == '>' && words)
        look_back(words, words_in_angles, text->from, at);
    count_character(text, utf8_length(code));
    text->blank = text->blank && is_space(code);
    return 1;
}

static void take_invalid(bk_cursor *c, bk_text *text, int bad)
{
    bk_cursor_report(c, BK_RULE_INVALID_UTF_8, c->p, NULL);
    if (!c->quiet && bad == 1 && (unsigned char)*c->p >= 0xA0)
        c->d->latin1++;
    text->blank = 0;
    count_character(text, 2);
    c->p += bad;
}

/* Characters like this seldom come alone. */
static void check_non_ascii(bk_cursor *c, bk_text *text)
{
    do {
        int bad, length = bk_utf8_sequence(c->p, c->end, &bad);
        if (length == 0) {
            take_invalid(c, text, bad);
            continue;
        }
        count_character(text, length);
        text->blank = text->blank && is_space(code_of(c->p, length));
        c->p += length;
    } while (c->p < c->end && (unsigned char)*c->p >= 0x80);
}

/* White space at the start of a text is looked at byte by byte, which most texts have none of. */
static void count_run(bk_text *text, const char *p, const char *end)
{
    text->size.characters += (uint64_t)(end - p);
    text->size.quarters += (uint64_t)(end - p) * quarters_of[1];
    while (text->blank && p < end)
        text->blank = is_space((unsigned char)*p++);
}

int bk_cursor_string(bk_cursor *c, bk_text *text, bk_words *words)
{
    memset(text, 0, sizeof *text);
    text->from = ++c->p;
    text->blank = 1;
    c->in_string = 1;
    for (;;) {
        const char *run = c->p;
        if (run < c->end && *run != '\\') /* escapes may be all that there is */
            c->p = bk_json_plain_run(run, c->end);
        if (c->p > run) {
            count_run(text, run, c->p);
            if (words)
                find_words(words, text->from, run, c->p);
        }
        if (c->p == c->end)
            return bk_cursor_fail(c, c->p, NULL);
        unsigned char byte = (unsigned char)*c->p;
        if (byte == '"')
            break;
        if (byte == '\\') {
            if (!check_escape(c, text, words))
                return 0;
        } else if (byte < 0x20) {
            (void)bk_cursor_fail(c, c->p, "a control byte in a string");
            if (byte)
                c->error_rule = BK_RULE_CONTROL_BYTE;
            return 0;
        } else {
            check_non_ascii(c, text);
        }
    }
    text->to = c->p++;
    c->in_string = 0;
    return 1;
}

static size_t put_utf8(char *to, unsigned code)
{
    int length = utf8_length(code);
    static const unsigned char first[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (int i = length - 1; i > 0; i--, code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3F));
    to[0] = (char)(first[length] | code);
    return (size_t)length;
}

int bk_text_plain(const bk_text *text, char *to, size_t room)
{
    size_t n = 0;
    for (const char *p = text->from; p < text->to;) {
        unsigned code;
        if (room - n < 4)
            return -1;
        if (*p != '\\') {
            to[n++] = *p++;
            continue;
        }
        p++;
        (void)read_escape(&p, text->to, &code);
        n += put_utf8(to + n, code);
    }
    return (int)n;
}

/* ------------------------------------------------------------------------------------ scalars */

static int is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* What people write where JSON has a value. */
static const char *hint(const char *p, size_t n)
{
    static const struct {
        const char *begin, *why;
    } hints[] = {
        {"NaN", "JSON has no NaN"},
        {"Infinity", "JSON has no Infinity"},
        {"-Infinity", "JSON has no Infinity"},
        {"None", "None is Python's; JSON says null"},
        {"True", "True is Python's; JSON says true"},
        {"False", "False is Python's; JSON says false"},
        {"undefined", "undefined is JavaScript's; JSON says null"},
        {"'", "JSON has double quotes only"},
        {"//", "JSON has no comments"},
        {"/*", "JSON has no comments"},
        {"#", "JSON has no comments"},
        {"\xE2\x80\x9C", "a typographic quote; JSON has plain ones"},
        {"\xE2\x80\x9D", "a typographic quote; JSON has plain ones"},
        {"}", "a value is missing here, or there is a comma too many"},
        {"]", "a value is missing here, or there is a comma too many"},
        {",", "a value is missing before this comma"},
        {"+", "a number has no plus sign"},
        {".", "a number begins with a digit"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        size_t length = strlen(hints[i].begin);
        if (n >= length && memcmp(p, hints[i].begin, length) == 0)
            return hints[i].why;
    }
    return "a value is expected here";
}

static int check_number(bk_cursor *c)
{
    const char *end = c->p;
    bk_json_scan scan;
    while (end < c->end && *end && strchr("+-.0123456789Ee", *end))
        end++;
    if (!bk_json_check(c->p, (size_t)(end - c->p), 1, &scan))
        return bk_cursor_fail(c, c->p + scan.error_at, "this is no number as JSON writes them");
    c->p = end;
    return 1;
}

int bk_cursor_scalar(bk_cursor *c)
{
    static const char *const literals[] = {"true", "false", "null"};
    const char *end = c->p;
    if (c->p == c->end)
        return bk_cursor_fail(c, c->p, NULL);
    if ((*c->p >= '0' && *c->p <= '9') ||
        (*c->p == '-' && (c->end - c->p < 2 || !is_letter(c->p[1]))))
        return check_number(c);
    while (end < c->end && is_letter(*end))
        end++;
    size_t n = (size_t)(end - c->p);
    for (int i = 0; n > 0 && i < 3; i++) {
        size_t length = strlen(literals[i]);
        if (n <= length && memcmp(c->p, literals[i], n) == 0 && (n == length || end == c->end)) {
            c->p = end;
            return n == length || bk_cursor_fail(c, end, NULL);
        }
    }
    return bk_cursor_fail(c, c->p, hint(c->p, (size_t)(c->end - c->p)));
}
