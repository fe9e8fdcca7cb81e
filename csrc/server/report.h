/*
 * report.h - the statistics of a server as JSON text: app.stats() and what
 * `fasterapi stats` reads are this one text, so a name exists once.
 *
 * docs/reference/stats.md explains every name; it changes with this file.
 */
#ifndef FA_SERVER_REPORT_H
#define FA_SERVER_REPORT_H

#include "base/base.h"
#include "base/status.h"
#include "base/writer.h"
#include "server/server.h"

/*
 * fa_report_write - one JSON object.
 *
 * Errors: FA_ERR_NOMEM; the text is then not complete.
 */
FA_NODISCARD fa_status fa_report_write(const struct fa_server_stats *stats, struct fa_writer *w);

#endif
