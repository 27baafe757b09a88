/* datasetparts.h: what the files of the check of a data set share. */
#ifndef BK_DATASETPARTS_H
#define BK_DATASETPARTS_H

#include "dataset.h"

/* White space within a line; a CR may be part of its line break. */
static inline int bk_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static inline const char *bk_skip_blanks(const char *p, const char *end)
{
    while (p < end && bk_is_blank(*p))
        p++;
    return p;
}

/* A line without its line break. */
typedef struct bk_line {
    const char *start; /* at d->line_at in the file */
    const char *text;  /* behind a byte order mark */
    const char *end;
} bk_line;

/* Counts a problem, at a byte of the line; see bk_dataset_example for what is said of it. */
void bk_dataset_report(bk_dataset *d, const bk_line *line, enum bk_dataset_rule rule,
                       const char *at, const char *note, uint64_t value, uint64_t limit);
/* The same in two steps: a place, and a problem of one that was kept. */
void bk_dataset_place(bk_dataset *d, const bk_line *line, const char *at,
                      bk_dataset_example *example);
void bk_dataset_add(bk_dataset *d, enum bk_dataset_rule rule, const bk_dataset_example *example);

/* Looks for the record among those before it, some records later: memory has come by then. */
void bk_dataset_compare_later(bk_dataset *d, const bk_line *line, uint64_t hash);

/* Reading JSON within a line. Every function that reads gives 0 after an error, whose place and
 * reason are kept; nothing more is read then. */
typedef struct bk_cursor {
    bk_dataset *d;
    const bk_line *line;
    const char *p;
    const char *end;
    int quiet; /* nothing is reported */
    unsigned depth;
    int in_string;
    const char *error_at; /* `end` where the line ends too soon */
    const char *why;
    enum bk_dataset_rule error_rule;
} bk_cursor;

/* A string, once it is read. */
typedef struct bk_text {
    const char *from, *to; /* what stands between the quotes */
    int blank;             /* nothing but white space */
    int escaped;
    bk_dataset_size size;
} bk_text;

/* Words that Nova keeps for itself, as they are met. */
enum { BK_WORDS_MAX = 64 };
typedef struct bk_words {
    unsigned known;
    unsigned more_exact, more_alike; /* beyond those whose places are known */
    const char *at[BK_WORDS_MAX];
    char is_exact[BK_WORDS_MAX];
} bk_words;

int bk_cursor_fail(bk_cursor *c, const char *at, const char *why);
/* c->p stands on the opening quote. Words may be NULL. */
int bk_cursor_string(bk_cursor *c, bk_text *text, bk_words *words);
/* A number or a literal; also what is none, and then the reason. */
int bk_cursor_scalar(bk_cursor *c);
/* Writes a string without its escapes; gives its length, or -1 if there is no room. */
int bk_text_plain(const bk_text *text, char *to, size_t room);
/* Reports at c's line, unless it is quiet. */
void bk_cursor_report(const bk_cursor *c, enum bk_dataset_rule rule, const char *at,
                      const char *note);

/* One record: checks it, measures it. */
void bk_dataset_record(bk_dataset *d, const bk_line *line);

#endif
