/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "guests/rt/args.h"

#define LONGEST_NUMBER 21u /* of 64 bits, terminated */
#define LONGEST_WORD   64u

/* The value behind "key=" and its length; NULL if there is none. */
static const char *locate(const char *args, const char *key, size_t *length)
{
	size_t key_length = strlen(key);

	for (const char *word = args; *word;) {
		size_t n = strcspn(word, " ");

		if (n > key_length && strncmp(word, key, key_length) == 0 &&
		    word[key_length] == '=') {
			*length = n - key_length - 1;
			return word + key_length + 1;
		}
		word += n;
		word += strspn(word, " ");
	}
	return NULL;
}

bool args_find(const char *args, const char *key, char *value, size_t value_bytes)
{
	size_t length;
	const char *found = locate(args, key, &length);

	value[0] = '\0';
	if (!found || length >= value_bytes)
		return false;
	memcpy(value, found, length);
	value[length] = '\0';
	return true;
}

bool args_digits(const char **text, uint64_t max, uint64_t *number)
{
	const char *p = *text;
	uint64_t n = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (n > (max - digit) / 10 || digit > max)
			return false;
		n = n * 10 + digit;
	}
	if (p == *text)
		return false;
	*text = p;
	*number = n;
	return true;
}

uint64_t args_number(const char *args, const char *key, uint64_t fallback)
{
	char value[LONGEST_NUMBER];
	const char *p = value;
	uint64_t n;

	if (!args_find(args, key, value, sizeof(value)) || !args_digits(&p, UINT64_MAX, &n) || *p)
		return fallback;
	return n;
}

bool args_is(const char *args, const char *key, const char *value)
{
	char found[LONGEST_WORD];

	return args_find(args, key, found, sizeof(found)) && strcmp(found, value) == 0;
}
