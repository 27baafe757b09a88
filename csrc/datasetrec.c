/*
 * datasetrec.c: one record of a data set, in one pass and without a tree.
 *
 * The walk follows the text and the nodes of its shape side by side; what a node does not know is
 * read as JSON and nothing else.
 */
#include "datasetparts.h"
#include "datasetshape.h"

#include <stddef.h>

enum { MAX_DEPTH = 128, MOST_FOREIGN = 8, MOST_URI = 1200 };

enum role { NOBODY, USER, ASSISTANT };

typedef struct walk {
    bk_cursor c;
    unsigned foreign_count;
    const char *foreign_version; /* the one that is schemaVersion */
    const char *other_form;      /* the first content in another shape's form */
    const char *other_form_expected;
    uint64_t other_forms;
    bk_dataset_size input, output, turn;
    enum role role, last_role;
    const char *role_at, *last_role_at;
    unsigned messages;
    uint64_t images, videos;
    int alien;        /* no record of this shape */
    unsigned guessed; /* members of bk_guess_root */
    char content;     /* the first byte of the last content */
    /* Large, so that it is not cleared for each record: from here on. */
    const char *foreign[MOST_FOREIGN]; /* names of the root that are another shape's */
    bk_words text_words, turn_words;
} walk;

static int read_value(walk *w, const bk_node *n);

static void add_size(bk_dataset_size *to, const bk_dataset_size *size)
{
    to->characters += size->characters;
    to->quarters += size->quarters;
}

static uint64_t tokens_of(const bk_dataset_size *size)
{
    return (size->quarters + 3) / 4;
}

static int text_is(const bk_text *text, const char *wanted)
{
    char plain[64];
    int n;
    if (!text->escaped)
        return (size_t)(text->to - text->from) == strlen(wanted) &&
               memcmp(text->from, wanted, strlen(wanted)) == 0;
    n = bk_text_plain(text, plain, sizeof plain);
    return n >= 0 && (size_t)n == strlen(wanted) && memcmp(plain, wanted, (size_t)n) == 0;
}

static int text_is_one_of(const bk_text *text, const char *const *list)
{
    while (*list && !text_is(text, *list))
        list++;
    return *list != NULL;
}

static void tell(walk *w, enum bk_dataset_rule rule, const char *at, const char *note)
{
    bk_cursor_report(&w->c, rule, at, note);
}

/* ------------------------------------------------------------------------------------- strings */

static void report_words(walk *w, const bk_words *words, int from_assistant)
{
    uint64_t *counts = w->c.d->counts;
    for (unsigned i = 0; i < words->known; i++)
        tell(w,
             words->is_exact[i] && !from_assistant ? BK_RULE_RESERVED_WORD
                                                   : BK_RULE_RESERVED_WORD_ELSEWHERE,
             words->at[i], NULL);
    counts[from_assistant ? BK_RULE_RESERVED_WORD_ELSEWHERE : BK_RULE_RESERVED_WORD] +=
        words->more_exact;
    counts[BK_RULE_RESERVED_WORD_ELSEWHERE] += words->more_alike;
    w->c.d->bad |= words->more_exact && !from_assistant;
}

static void forget_words(bk_words *words)
{
    words->known = words->more_exact = words->more_alike = 0;
}

static int is_bucket_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

static int is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_-/.", c));
}

/* All media have to be in one bucket: the first that is met. */
static void check_bucket(walk *w, const char *at, const char *name, size_t n)
{
    bk_dataset *d = w->c.d;
    if (!d->bucket[0]) {
        memcpy(d->bucket, name, n);
        d->bucket[n] = '\0';
    } else if (strlen(d->bucket) != n || memcmp(d->bucket, name, n) != 0) {
        tell(w, BK_RULE_SEVERAL_BUCKETS, at, NULL);
    }
}

static void check_uri(walk *w, const bk_text *text, const char *at)
{
    static const char scheme[] = "s3://";
    char uri[MOST_URI];
    int length = bk_text_plain(text, uri, sizeof uri);
    size_t n = length > 0 ? (size_t)length : 0, i = sizeof scheme - 1, bucket;
    if (n < i || memcmp(uri, scheme, i) != 0) {
        tell(w, BK_RULE_S3_URI, at, length < 0 ? "it is too long" : "it does not begin with s3://");
        return;
    }
    while (i < n && is_bucket_byte(uri[i]))
        i++;
    bucket = i - (sizeof scheme - 1);
    if (bucket < 3 || bucket >= BK_DATASET_BUCKET || (i < n && uri[i] != '/')) {
        tell(w, BK_RULE_S3_URI, at, "no bucket has such a name");
        return;
    }
    if (n - i < 2) {
        tell(w, BK_RULE_S3_URI, at, "the key is missing");
        return;
    }
    if (!(w->c.d->options.flags & BK_DATASET_MEDIA_NAMES))
        return;
    check_bucket(w, at, uri + sizeof scheme - 1, bucket);
    while (i < n && is_name_byte(uri[i]))
        i++;
    if (i < n)
        tell(w, BK_RULE_MEDIA_FILE_NAME, at, NULL);
}

static void check_role(walk *w, const bk_text *text, const char *at)
{
    w->role_at = at;
    w->role = text_is(text, "user") ? USER : text_is(text, "assistant") ? ASSISTANT : NOBODY;
    if (w->role == NOBODY)
        tell(w, BK_RULE_UNKNOWN_ROLE, at, NULL);
}

static void check_caption(walk *w, const bk_text *text, const char *at)
{
    const bk_dataset_options *o = &w->c.d->options;
    uint64_t n = text->size.characters;
    add_size(&w->input, &text->size);
    if (n < o->caption_min || (o->caption_max && n > o->caption_max))
        bk_dataset_report(w->c.d, w->c.line, BK_RULE_CAPTION_LENGTH, at, NULL, n,
                          n < o->caption_min ? o->caption_min : o->caption_max);
}

static void use_text(walk *w, const bk_node *n, const bk_text *text, const char *at)
{
    static const char *const image_formats[] = {"png", "jpeg", "gif", "webp", NULL};
    static const char *const video_formats[] = {"mkv", "mov",  "mp4", "webm", "three_gp",
                                                "flv", "mpeg", "mpg", "wmv",  NULL};
    switch (n->part) {
    case BK_PART_INPUT:
    case BK_PART_SYSTEM_TEXT:
    case BK_PART_OUTPUT:
        add_size(n->part == BK_PART_OUTPUT ? &w->output : &w->input, &text->size);
        report_words(w, &w->text_words, n->part == BK_PART_OUTPUT);
        break;
    case BK_PART_TURN:
    case BK_PART_CONTENT:
        add_size(&w->turn, &text->size);
        break;
    case BK_PART_ROLE:
        check_role(w, text, at);
        break;
    case BK_PART_CAPTION:
        check_caption(w, text, at);
        break;
    case BK_PART_IMAGE_REF:
        w->images++;
        check_uri(w, text, at);
        break;
    case BK_PART_MEDIA_URI:
        check_uri(w, text, at);
        break;
    case BK_PART_FORMAT_OF_IMAGE:
        if (!text_is_one_of(text, image_formats))
            tell(w, BK_RULE_MEDIA_FORMAT, at, "png, jpeg, gif or webp");
        break;
    case BK_PART_FORMAT_OF_VIDEO:
        if (!text_is_one_of(text, video_formats))
            tell(w, BK_RULE_MEDIA_FORMAT, at,
                 "mkv, mov, mp4, webm, three_gp, flv, mpeg, mpg or wmv");
        break;
    case BK_PART_SCHEMA_VERSION:
        if (!text_is(text, "bedrock-conversation-2024"))
            tell(w, BK_RULE_SCHEMA_VERSION, at, NULL);
        break;
    default:
        break;
    }
}

static int is_text(enum bk_part part)
{
    return part == BK_PART_INPUT || part == BK_PART_OUTPUT || part == BK_PART_SYSTEM_TEXT ||
           part == BK_PART_TURN || part == BK_PART_CONTENT;
}

/* A message's words wait for its role, which may stand behind them. */
static bk_words *words_of(walk *w, enum bk_part part)
{
    if (!(w->c.d->options.flags & BK_DATASET_RESERVED_WORDS) || !is_text(part))
        return NULL;
    return part == BK_PART_TURN || part == BK_PART_CONTENT ? &w->turn_words : &w->text_words;
}

static int read_string(walk *w, const bk_node *n)
{
    const char *at = w->c.p;
    bk_words *words = words_of(w, n->part);
    bk_text text;
    forget_words(&w->text_words);
    if (!bk_cursor_string(&w->c, &text, words))
        return 0;
    if (n->part == BK_PART_NOTHING)
        return 1;
    if (is_text(n->part) && text.blank)
        tell(w, BK_RULE_EMPTY_TEXT, at, NULL);
    use_text(w, n, &text, at);
    return 1;
}

/* --------------------------------------------------------------------------- objects and lists */

static int too_deep(walk *w)
{
    if (w->c.depth < MAX_DEPTH)
        return 0;
    bk_cursor_fail(&w->c, w->c.p, "this is nested too deeply");
    return 1;
}

static void enter(walk *w, const bk_node *n, const char *at)
{
    switch (n->part) {
    case BK_PART_MESSAGES:
        w->messages = 0;
        w->last_role = NOBODY;
        break;
    case BK_PART_MESSAGE:
        w->role = NOBODY;
        w->role_at = NULL;
        memset(&w->turn, 0, sizeof w->turn);
        forget_words(&w->turn_words);
        break;
    case BK_PART_IMAGE:
    case BK_PART_VIDEO:
        *(n->part == BK_PART_IMAGE ? &w->images : &w->videos) += 1;
        if (w->c.d->options.flags & BK_DATASET_TEXT_ONLY)
            tell(w, BK_RULE_MEDIA_FOR_TEXT_MODEL, at, NULL);
        break;
    case BK_PART_INLINE:
        tell(w, BK_RULE_INLINE_MEDIA, at, NULL);
        break;
    case BK_PART_TOOLS:
        tell(w, BK_RULE_TOOL_SECTION, at, NULL);
        break;
    case BK_PART_REASONING:
        if (!(w->c.d->options.flags & BK_DATASET_REASONING))
            tell(w, BK_RULE_REASONING_SECTION, at, NULL);
        break;
    case BK_PART_GUESSED_CONTENT:
        w->content = *at;
        break;
    default:
        break;
    }
}

static void leave_message(walk *w)
{
    int from_assistant = w->role == ASSISTANT;
    add_size(from_assistant ? &w->output : &w->input, &w->turn);
    report_words(w, &w->turn_words, from_assistant);
    if (from_assistant && w->messages == 0)
        tell(w, BK_RULE_FIRST_ROLE, w->role_at, NULL);
    else if (w->role != NOBODY && w->role == w->last_role)
        tell(w, BK_RULE_ROLE_ORDER, w->role_at, NULL);
    w->last_role = w->role;
    w->last_role_at = w->role_at;
    w->messages++;
}

static int is_missing(const bk_member *m, unsigned seen, unsigned i)
{
    return m->required && !(seen & 1u << i);
}

static void report_missing(walk *w, const bk_node *n, unsigned seen, const char *at)
{
    for (unsigned i = 0; n->members && n->members[i].name; i++)
        if (is_missing(&n->members[i], seen, i))
            tell(w, BK_RULE_MISSING_KEY, at, n->members[i].name);
}

/* What a record is said to be, by the names that are not this shape's. */
static const char *foreign_shape(const walk *w)
{
    for (unsigned i = 0; i < w->foreign_count; i++) {
        const char *name = w->foreign[i] + 1;
        if (name[0] == 'p' || name[0] == 'c')
            return name[1] == 'a' ? "image-caption" : "prompt-completion";
        if (name[0] == 'i')
            return "image-caption";
    }
    return w->foreign_version ? "converse" : "messages";
}

static void leave_root(walk *w, const bk_node *n, unsigned seen, const char *at)
{
    enum bk_dataset_shape shape = w->c.d->options.shape;
    int has_version = shape == BK_SHAPE_CONVERSE ? (seen & 1) != 0 : w->foreign_version != NULL;
    if (w->other_form && has_version == (shape == BK_SHAPE_ANTHROPIC)) {
        tell(w, BK_RULE_OTHER_SHAPE, w->other_form,
             shape == BK_SHAPE_CONVERSE ? "anthropic-messages" : "converse");
        w->alien = 1;
        return;
    }
    if (w->other_form) {
        tell(w, BK_RULE_WRONG_TYPE, w->other_form, w->other_form_expected);
        w->c.d->counts[BK_RULE_WRONG_TYPE] += w->other_forms - 1;
    }
    if (!seen && w->foreign_count > 0) {
        tell(w, BK_RULE_OTHER_SHAPE, w->foreign[0], foreign_shape(w));
        w->alien = 1;
        return;
    }
    for (unsigned i = 0; i < w->foreign_count; i++)
        tell(w, BK_RULE_UNKNOWN_KEY, w->foreign[i], NULL);
    report_missing(w, n, seen, at);
}

static void leave_object(walk *w, const bk_node *n, unsigned seen, int unknown, const char *at)
{
    unsigned kinds = 0;
    switch (n->part) {
    case BK_PART_ROOT:
        leave_root(w, n, seen, at);
        return;
    case BK_PART_GUESS:
        w->guessed = seen;
        return;
    case BK_PART_MESSAGE:
        leave_message(w);
        break;
    case BK_PART_BLOCK:
        for (unsigned bits = seen; bits; bits &= bits - 1)
            kinds++;
        if (kinds > 1 || (kinds == 0 && !unknown))
            tell(w, BK_RULE_BLOCK_FORM, at, kinds ? "it has several" : "it has none");
        break;
    case BK_PART_SOURCE:
        if (!seen)
            tell(w, BK_RULE_MISSING_KEY, at, "s3Location");
        break;
    default:
        break;
    }
    report_missing(w, n, seen, at);
}

static int is_foreign(const bk_text *name)
{
    static const char *const names[] = {"prompt",        "completion", "messages", "system",
                                        "schemaVersion", "image-ref",  "caption",  NULL};
    return text_is_one_of(name, names);
}

static void meet_unknown(walk *w, const bk_node *n, const bk_text *name, const char *at)
{
    if (n->part != BK_PART_ROOT || !is_foreign(name) || w->foreign_count == MOST_FOREIGN) {
        tell(w, BK_RULE_UNKNOWN_KEY, at, NULL);
        return;
    }
    w->foreign[w->foreign_count++] = at;
    if (text_is(name, "schemaVersion"))
        w->foreign_version = at;
}

/* The node for the value of a name. */
static const bk_node *find_member(walk *w, const bk_node *n, const bk_text *name, const char *at,
                                  unsigned *seen, int *unknown)
{
    if (!n->members)
        return &bk_any_node;
    for (unsigned i = 0; n->members[i].name; i++) {
        if (!text_is(name, n->members[i].name))
            continue;
        if (*seen & 1u << i)
            tell(w, BK_RULE_DUPLICATE_KEY, at, NULL);
        *seen |= 1u << i;
        return n->members[i].node;
    }
    *unknown = 1;
    meet_unknown(w, n, name, at);
    return &bk_any_node;
}

static int at_byte(walk *w, char byte)
{
    w->c.p = bk_skip_blanks(w->c.p, w->c.end);
    return w->c.p < w->c.end && *w->c.p == byte;
}

static int read_object(walk *w, const bk_node *n)
{
    const char *start = w->c.p;
    unsigned seen = 0;
    int unknown = 0;
    if (too_deep(w))
        return 0;
    w->c.depth++;
    w->c.p++;
    enter(w, n, start);
    for (int first = 1; !(first && at_byte(w, '}')); first = 0) {
        bk_text name;
        if (!at_byte(w, '"'))
            return bk_cursor_fail(&w->c, w->c.p,
                                  first || !at_byte(w, '}') ? "a name in double quotes is expected"
                                                            : "there is a comma too many");
        const char *at = w->c.p;
        if (!bk_cursor_string(&w->c, &name, NULL))
            return 0;
        const bk_node *child = find_member(w, n, &name, at, &seen, &unknown);
        if (!at_byte(w, ':'))
            return bk_cursor_fail(&w->c, w->c.p, "a colon is expected");
        w->c.p++;
        if (!read_value(w, child))
            return 0;
        if (at_byte(w, '}'))
            break;
        if (!at_byte(w, ','))
            return bk_cursor_fail(&w->c, w->c.p, "a comma or } is expected");
        w->c.p++;
    }
    w->c.p++;
    w->c.depth--;
    leave_object(w, n, seen, unknown, start);
    return 1;
}

static void leave_list(walk *w, const bk_node *n, unsigned count, const char *at)
{
    if (count == 0 && n->item)
        tell(w, BK_RULE_EMPTY_LIST, at, NULL);
    else if (n->part == BK_PART_MESSAGES && w->last_role == USER)
        tell(w, BK_RULE_LAST_ROLE, w->last_role_at, NULL);
}

static int read_list(walk *w, const bk_node *n)
{
    const char *start = w->c.p;
    unsigned count = 0;
    if (too_deep(w))
        return 0;
    w->c.depth++;
    w->c.p++;
    enter(w, n, start);
    while (!(count == 0 && at_byte(w, ']'))) {
        if (!read_value(w, n->item ? n->item : &bk_any_node))
            return 0;
        count++;
        if (at_byte(w, ']'))
            break;
        if (!at_byte(w, ','))
            return bk_cursor_fail(&w->c, w->c.p, "a comma or ] is expected");
        w->c.p++;
    }
    w->c.p++;
    w->c.depth--;
    leave_list(w, n, count, start);
    return 1;
}

static int type_at(const bk_cursor *c)
{
    switch (c->p < c->end ? *c->p : '\0') {
    case '"':
        return BK_TYPE_STRING;
    case '[':
        return BK_TYPE_LIST;
    case '{':
        return BK_TYPE_OBJECT;
    default:
        return BK_TYPE_SCALAR;
    }
}

/* Contents and system texts of the other shape with messages are told by the whole record. */
static void meet_wrong_type(walk *w, const bk_node *n, const char *at, int type)
{
    if ((n->part == BK_PART_CONTENT || n->part == BK_PART_SYSTEM_TEXT) && type != BK_TYPE_OBJECT &&
        type != BK_TYPE_SCALAR) {
        if (w->other_forms++ == 0) {
            w->other_form = at;
            w->other_form_expected = n->expected;
        }
        return;
    }
    w->alien |= n->part == BK_PART_ROOT;
    tell(w, n->part == BK_PART_ROOT ? BK_RULE_NOT_AN_OBJECT : BK_RULE_WRONG_TYPE, at, n->expected);
}

static int read_value(walk *w, const bk_node *n)
{
    const char *at = w->c.p = bk_skip_blanks(w->c.p, w->c.end);
    int type = type_at(&w->c);
    const bk_node *as = type & n->types ? n : &bk_any_node;
    if (type == BK_TYPE_SCALAR) {
        if (!bk_cursor_scalar(&w->c))
            return 0;
        if (as != n)
            meet_wrong_type(w, n, at, type);
        else
            enter(w, n, at);
        return 1;
    }
    if (as != n)
        meet_wrong_type(w, n, at, type);
    if (type == BK_TYPE_OBJECT)
        return read_object(w, as);
    if (type == BK_TYPE_LIST)
        return read_list(w, as);
    if (as->types != BK_TYPE_STRING) /* what may be anything, a string too */
        enter(w, as, at);
    return read_string(w, as);
}

/* -------------------------------------------------------------------------------------- records */

static void start(walk *w, bk_dataset *d, const bk_line *line)
{
    memset(w, 0, offsetof(walk, foreign));
    forget_words(&w->text_words);
    forget_words(&w->turn_words);
    w->c.d = d;
    w->c.line = line;
    w->c.p = line->text;
    w->c.end = line->end;
}

static enum bk_dataset_shape guess_shape(bk_dataset *d, const bk_line *line)
{
    walk w;
    start(&w, d, line);
    w.c.quiet = 1;
    if (!read_value(&w, &bk_guess_root))
        return BK_SHAPE_AUTO;
    if (w.guessed & 3)
        return BK_SHAPE_PROMPT_COMPLETION;
    if (w.guessed & 12)
        return BK_SHAPE_IMAGE_CAPTION;
    if (w.guessed & 16 || w.content == '[')
        return BK_SHAPE_CONVERSE;
    return w.guessed & 32 ? BK_SHAPE_ANTHROPIC : BK_SHAPE_AUTO;
}

static void choose_shape(bk_dataset *d, const bk_line *line)
{
    d->options.shape = guess_shape(d, line);
    if (d->options.shape != BK_SHAPE_AUTO)
        d->shape_line = d->lines;
}

/* A line that ends inside of a record may go on with the next one: it is told of then. */
static void end_badly(walk *w)
{
    bk_dataset *d = w->c.d;
    if (w->c.error_at < w->c.end || w->c.depth == 0) {
        bk_dataset_report(d, w->c.line, w->c.error_rule, w->c.error_at, w->c.why, 0, 0);
        return;
    }
    bk_dataset_place(d, w->c.line, w->c.error_at, &d->unfinished);
    d->open = w->c.in_string ? BK_OPEN_STRING : BK_OPEN_VALUE;
    d->in_string = w->c.in_string;
    d->depth = w->c.depth;
    d->bad = 1;
}

static void report_rest(walk *w)
{
    if (*w->c.p == '{') {
        tell(w, BK_RULE_SEVERAL_RECORDS, w->c.p, NULL);
        return;
    }
    (void)bk_cursor_fail(&w->c, w->c.p,
                         *w->c.p == ',' ? "there is a comma behind the record"
                                        : "there is more text behind the record");
    end_badly(w);
}

/* Of the three limits the first that is passed. The rule of thumb in characters is AWS's; where
 * only the estimate is over it, nobody knows. */
static void check_length(walk *w)
{
    const bk_dataset_options *o = &w->c.d->options;
    bk_dataset_size both = w->input;
    add_size(&both, &w->output);
    const struct {
        const bk_dataset_size *size;
        uint64_t tokens;
        const char *what;
    } limits[] = {{&both, o->max_tokens, "record"},
                  {&w->input, o->max_input_tokens, "input"},
                  {&w->output, o->max_output_tokens, "output"}};
    for (int i = 0; i < 3; i++) {
        uint64_t most = limits[i].tokens * BK_DATASET_CHARACTERS_PER_TOKEN;
        if (most && limits[i].size->characters > most) {
            bk_dataset_report(w->c.d, w->c.line, BK_RULE_RECORD_TOO_LONG, w->c.line->text,
                              limits[i].what, limits[i].size->characters, most);
            return;
        }
    }
    for (int i = 0; i < 3; i++) {
        uint64_t most = limits[i].tokens, tokens = tokens_of(limits[i].size);
        if (most && tokens > most) {
            bk_dataset_report(w->c.d, w->c.line, BK_RULE_RECORD_MAYBE_TOO_LONG, w->c.line->text,
                              limits[i].what, tokens, most);
            return;
        }
    }
}

/* The media of one record, and of all before it. */
static void check_media(walk *w)
{
    enum { MOST_IMAGES = 10, MOST_VIDEOS = 1 };
    bk_dataset *d = w->c.d;
    int mixed_before = d->images && d->videos;
    d->images += w->images;
    d->videos += w->videos;
    if (!(d->options.flags & BK_DATASET_MEDIA_NAMES))
        return;
    if (w->images > MOST_IMAGES)
        bk_dataset_report(d, w->c.line, BK_RULE_TOO_MANY_MEDIA, w->c.line->text, "images",
                          w->images, MOST_IMAGES);
    if (w->videos > MOST_VIDEOS)
        bk_dataset_report(d, w->c.line, BK_RULE_TOO_MANY_MEDIA, w->c.line->text, "videos",
                          w->videos, MOST_VIDEOS);
    if (d->images && d->videos && !mixed_before)
        tell(w, BK_RULE_MIXED_MEDIA, w->c.line->text, NULL);
}

static void measure(walk *w)
{
    bk_dataset *d = w->c.d;
    bk_dataset_size both = w->input;
    add_size(&both, &w->output);
    add_size(&d->input, &w->input);
    add_size(&d->output, &w->output);
    bk_hist_add(&d->characters, both.characters);
    bk_hist_add(&d->tokens, tokens_of(&both));
    d->measured++;
    d->turns += w->messages;
    check_length(w);
    check_media(w);
}

static uint64_t hash_of(const bk_dataset *d, const bk_line *line)
{
    const char *p = bk_skip_blanks(line->text, line->end), *end = line->end;
    while (end > p && bk_is_blank(end[-1]))
        end--;
    return bk_seen_hash(&d->seen, p, (size_t)(end - p));
}

void bk_dataset_record(bk_dataset *d, const bk_line *line)
{
    walk w;
    start(&w, d, line);
    if (d->options.shape == BK_SHAPE_AUTO)
        choose_shape(d, line);
    if (!read_value(&w, bk_shape_roots[d->options.shape])) {
        end_badly(&w);
        return;
    }
    w.c.p = bk_skip_blanks(w.c.p, w.c.end);
    if (w.c.p < w.c.end) {
        report_rest(&w);
        return;
    }
    if (d->options.shape == BK_SHAPE_AUTO && *bk_skip_blanks(line->text, line->end) == '{')
        tell(&w, BK_RULE_OTHER_SHAPE, line->text, NULL);
    else if (d->options.shape != BK_SHAPE_AUTO && !w.alien)
        measure(&w);
    if (d->seen.slots)
        bk_dataset_compare_later(d, line, hash_of(d, line));
}
