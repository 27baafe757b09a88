/* datasetshape.c: see datasetshape.h. */
#include "datasetshape.h"

#include <stddef.h>

const bk_node bk_any_node = {BK_TYPE_ANY, BK_PART_NOTHING, NULL, NULL, NULL};

#define TEXT(name, part) static const bk_node name = {BK_TYPE_STRING, part, "a string", NULL, NULL}
#define RECORD(name, part, members)                                                                \
    static const bk_node name = {BK_TYPE_OBJECT, part, "an object", members, NULL}
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, 0                                                                              \
    }

TEXT(input_text, BK_PART_INPUT);
TEXT(output_text, BK_PART_OUTPUT);
TEXT(turn_text, BK_PART_TURN);
TEXT(role_text, BK_PART_ROLE);
TEXT(version_text, BK_PART_SCHEMA_VERSION);
TEXT(image_format, BK_PART_FORMAT_OF_IMAGE);
TEXT(video_format, BK_PART_FORMAT_OF_VIDEO);
TEXT(media_uri, BK_PART_MEDIA_URI);
TEXT(image_ref, BK_PART_IMAGE_REF);
TEXT(caption_text, BK_PART_CAPTION);
TEXT(plain_text, BK_PART_PLAIN);
static const bk_node tools = {BK_TYPE_ANY, BK_PART_TOOLS, NULL, NULL, NULL};
static const bk_node inline_media = {BK_TYPE_ANY, BK_PART_INLINE, NULL, NULL, NULL};

static const bk_member prompt_members[] = {
    {"prompt", &input_text, 1}, {"completion", &output_text, 1}, END};
RECORD(prompt_root, BK_PART_ROOT, prompt_members);

static const bk_member image_members[] = {
    {"image-ref", &image_ref, 1}, {"caption", &caption_text, 1}, END};
RECORD(image_root, BK_PART_ROOT, image_members);

/* Anthropic's messages. */
static const bk_node text_content = {BK_TYPE_STRING, BK_PART_CONTENT, "a string", NULL, NULL};
static const bk_member turn_members[] = {
    {"role", &role_text, 1}, {"content", &text_content, 1}, END};
RECORD(text_message, BK_PART_MESSAGE, turn_members);
static const bk_node text_messages = {BK_TYPE_LIST, BK_PART_MESSAGES, "a list of messages", NULL,
                                      &text_message};
static const bk_node text_system = {BK_TYPE_STRING, BK_PART_SYSTEM_TEXT, "a string", NULL, NULL};
static const bk_member anthropic_members[] = {
    {"messages", &text_messages, 1}, {"system", &text_system, 0}, END};
RECORD(anthropic_root, BK_PART_ROOT, anthropic_members);

/* Converse. */
static const bk_member location_members[] = {
    {"uri", &media_uri, 1}, {"bucketOwner", &plain_text, 0}, END};
RECORD(location, BK_PART_NOTHING, location_members);
static const bk_member source_members[] = {
    {"s3Location", &location, 0}, {"bytes", &inline_media, 0}, END};
RECORD(source, BK_PART_SOURCE, source_members);
static const bk_member picture_members[] = {
    {"format", &image_format, 1}, {"source", &source, 1}, END};
RECORD(image, BK_PART_IMAGE, picture_members);
static const bk_member video_members[] = {
    {"format", &video_format, 1}, {"source", &source, 1}, END};
RECORD(video, BK_PART_VIDEO, video_members);
static const bk_member reasoning_text_members[] = {
    {"text", &turn_text, 1}, {"signature", &plain_text, 0}, END};
RECORD(reasoning_text, BK_PART_NOTHING, reasoning_text_members);
static const bk_member reasoning_members[] = {{"reasoningText", &reasoning_text, 1}, END};
RECORD(reasoning, BK_PART_REASONING, reasoning_members);
static const bk_member block_members[] = {{"text", &turn_text, 0},
                                          {"image", &image, 0},
                                          {"video", &video, 0},
                                          {"toolUse", &tools, 0},
                                          {"toolResult", &tools, 0},
                                          {"reasoningContent", &reasoning, 0},
                                          END};
RECORD(block, BK_PART_BLOCK, block_members);
static const bk_node block_content = {BK_TYPE_LIST, BK_PART_CONTENT, "a list of blocks", NULL,
                                      &block};
static const bk_member message_members[] = {
    {"role", &role_text, 1}, {"content", &block_content, 1}, END};
RECORD(block_message, BK_PART_MESSAGE, message_members);
static const bk_node block_messages = {BK_TYPE_LIST, BK_PART_MESSAGES, "a list of messages", NULL,
                                       &block_message};
static const bk_member system_members[] = {{"text", &input_text, 1}, END};
RECORD(system_block, BK_PART_NOTHING, system_members);
static const bk_node block_system = {BK_TYPE_LIST, BK_PART_SYSTEM_TEXT, "a list of blocks", NULL,
                                     &system_block};
static const bk_member converse_members[] = {{"schemaVersion", &version_text, 1},
                                             {"messages", &block_messages, 1},
                                             {"system", &block_system, 0},
                                             {"toolConfig", &tools, 0},
                                             END};
RECORD(converse_root, BK_PART_ROOT, converse_members);

/* Where no shape is known yet. */
RECORD(any_root, BK_PART_NOTHING, NULL);

static const bk_node guessed_content = {BK_TYPE_ANY, BK_PART_GUESSED_CONTENT, NULL, NULL, NULL};
static const bk_member guessed_message_members[] = {{"content", &guessed_content, 0}, END};
RECORD(guessed_message, BK_PART_NOTHING, guessed_message_members);
static const bk_node guessed_messages = {BK_TYPE_LIST, BK_PART_NOTHING, NULL, NULL,
                                         &guessed_message};
static const bk_member guess_members[] = {{"prompt", &bk_any_node, 0},
                                          {"completion", &bk_any_node, 0},
                                          {"image-ref", &bk_any_node, 0},
                                          {"caption", &bk_any_node, 0},
                                          {"schemaVersion", &bk_any_node, 0},
                                          {"messages", &guessed_messages, 0},
                                          END};
const bk_node bk_guess_root = {BK_TYPE_OBJECT, BK_PART_GUESS, "an object", guess_members, NULL};

const bk_node *const bk_shape_roots[BK_SHAPE_COUNT] = {&any_root, &prompt_root, &converse_root,
                                                       &anthropic_root, &image_root};
