#include "message.h"

#include <stdlib.h>
#include <string.h>

enum { DECIMAL_BYTES = 40 }; /* no number of a server's is longer */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* Each returns where a value ends, or NULL if it does not. */

static const char *skip_text(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '"')
            return at + 1;
        if (*at == '\\' && ++at == end)
            return NULL;
    }
    return NULL;
}

static const char *skip_nested(const char *at, const char *end)
{
    size_t depth = 0;

    while (at < end) {
        if (*at == '"') {
            if (!(at = skip_text(at, end)))
                return NULL;
            continue;
        }
        if (*at == '[' || *at == '{')
            depth++;
        else if ((*at == ']' || *at == '}') && !--depth)
            return at + 1;
        at++;
    }
    return NULL;
}

static const char *skip_plain(const char *at, const char *end)
{
    const char *start = at;

    while (at < end && !is_blank(*at) && !strchr(",:]}[{\"", *at))
        at++;
    return at > start ? at : NULL;
}

static const char *take_value(const char *at, const char *end, span *out)
{
    at = skip_blanks(at, end);
    out->at = at;
    if (at == end)
        return NULL;
    if (*at == '"')
        at = skip_text(at, end);
    else if (*at == '[' || *at == '{')
        at = skip_nested(at, end);
    else
        at = skip_plain(at, end);
    if (at)
        out->size = (size_t)(at - out->at);
    return at;
}

static span *place_of(message *out, span key)
{
    if (span_is(key, "\"id\""))
        return &out->id;
    if (span_is(key, "\"result\""))
        return &out->result;
    if (span_is(key, "\"error\""))
        return &out->error;
    if (span_is(key, "\"method\""))
        return &out->method;
    return span_is(key, "\"params\"") ? &out->params : NULL;
}

/* Take a key and its value; return where they end, or NULL. */
static const char *take_pair(message *out, const char *at, const char *end)
{
    span key, value, *place;

    if (!(at = take_value(at, end, &key)) || key.at[0] != '"')
        return NULL;
    at = skip_blanks(at, end);
    if (at == end || *at != ':' || !(at = take_value(at + 1, end, &value)))
        return NULL;
    if ((place = place_of(out, key)))
        *place = value;
    return skip_blanks(at, end);
}

bool message_read(message *out, const char *line, size_t size)
{
    const char *end = line + size, *at = skip_blanks(line, end);

    memset(out, 0, sizeof *out);
    if (at == end || *at != '{')
        return false;
    do {
        at = take_pair(out, at + 1, end);
        if (!at || at == end)
            return false;
    } while (*at == ',');
    return *at == '}';
}

bool list_open(span *list)
{
    if (!list->at || list->size < 2 || list->at[0] != '[')
        return false;
    list->at++;
    list->size -= 2; /* without its brackets */
    return true;
}

bool list_take(span *list, span *item)
{
    const char *end = list->at + list->size, *at;

    if (!(at = take_value(list->at, end, item)))
        return false;
    at = skip_blanks(at, end);
    if (at < end && *at++ != ',')
        return false;
    list->size = (size_t)(end - at);
    list->at = at;
    return true;
}

bool span_text(span value, span *text)
{
    if (!value.at || value.size < 2 || value.at[0] != '"')
        return false;
    *text = (span){value.at + 1, value.size - 2};
    return !memchr(text->at, '\\', text->size);
}

bool span_is(span value, const char *spelling)
{
    size_t size = strlen(spelling);

    return value.at && value.size == size && !memcmp(value.at, spelling, size);
}

bool span_number(span value, uint64_t *out)
{
    *out = 0;
    if (!value.at || !value.size || value.size > 18)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(value.at[i] - '0');
    }
    return true;
}

bool span_decimal(span value, double *out)
{
    char text[DECIMAL_BYTES + 1];
    char *end;

    if (!value.at || !value.size || value.size > DECIMAL_BYTES)
        return false;
    memcpy(text, value.at, value.size);
    text[value.size] = 0;
    *out = strtod(text, &end);
    return end == text + value.size && *out > 0 && *out < 1e300;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool span_bytes(span value, uint8_t *out, size_t most, size_t *size)
{
    span text;

    if (!span_text(value, &text) || text.size % 2 || text.size / 2 > most)
        return false;
    *size = text.size / 2;
    for (size_t i = 0; i < *size; i++) {
        int high = hex_digit(text.at[2 * i]), low = hex_digit(text.at[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool span_u32(span value, uint32_t *out)
{
    span text;

    *out = 0;
    if (!span_text(value, &text) || text.size < 1 || text.size > 8)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        int digit = hex_digit(text.at[i]);

        if (digit < 0)
            return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    return true;
}
