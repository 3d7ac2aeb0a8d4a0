// SPDX-License-Identifier: GPL-2.0-only
/* Media types by the suffix of a name. Context: any; pure. */
#ifdef __KERNEL__
#include <linux/kernel.h>
#else
#include "user/kernel.h"
#endif
#include "parse.h"

#define SUFFIX_MAX	7

/* Sorted by suffix. */
static const struct {
	char suffix[SUFFIX_MAX + 1];
	const char *type;
} types[] = {
	{ "7z", "application/x-7z-compressed" },
	{ "avi", "video/x-msvideo" },
	{ "avif", "image/avif" },
	{ "bmp", "image/bmp" },
	{ "css", "text/css" },
	{ "csv", "text/csv" },
	{ "gif", "image/gif" },
	{ "gz", "application/gzip" },
	{ "htm", "text/html" },
	{ "html", "text/html" },
	{ "ico", "image/x-icon" },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "js", "text/javascript" },
	{ "json", "application/json" },
	{ "map", "application/json" },
	{ "md", "text/markdown" },
	{ "mjs", "text/javascript" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "mpeg", "video/mpeg" },
	{ "mpg", "video/mpeg" },
	{ "ogg", "audio/ogg" },
	{ "otf", "font/otf" },
	{ "pdf", "application/pdf" },
	{ "png", "image/png" },
	{ "ps", "application/postscript" },
	{ "rtf", "application/rtf" },
	{ "svg", "image/svg+xml" },
	{ "tar", "application/x-tar" },
	{ "tif", "image/tiff" },
	{ "tiff", "image/tiff" },
	{ "ttf", "font/ttf" },
	{ "txt", "text/plain" },
	{ "wasm", "application/wasm" },
	{ "wav", "audio/wav" },
	{ "webm", "video/webm" },
	{ "webp", "image/webp" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "xhtml", "application/xhtml+xml" },
	{ "xml", "text/xml" },
	{ "zip", "application/zip" },
	{ "zst", "application/zstd" },
};

/* Copy the suffix in lower case. Return: whether there is one of a length that is known. */
static bool find_suffix(char *suffix, const char *name, unsigned int length)
{
	unsigned int start = length, i;

	while (start && name[start - 1] != '.' && name[start - 1] != '/')
		start--;
	if (!start || name[start - 1] != '.' || start == length || length - start > SUFFIX_MAX)
		return false;
	for (i = 0; start + i < length; i++) {
		char c = name[start + i];

		suffix[i] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
	}
	suffix[i] = 0;
	return true;
}

/**
 * tux_mime_type() - the media type of an object
 * @name: of the object
 * @length: of @name
 *
 * Return: a constant string.
 */
const char *tux_mime_type(const char *name, unsigned int length)
{
	unsigned int low = 0, high = ARRAY_SIZE(types);
	char suffix[SUFFIX_MAX + 1];

	if (!find_suffix(suffix, name, length))
		return "application/octet-stream";
	while (low < high) {
		unsigned int middle = (low + high) / 2;
		int order = strcmp(suffix, types[middle].suffix);

		if (!order)
			return types[middle].type;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return "application/octet-stream";
}
