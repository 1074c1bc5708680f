// What is shown of a topic of orders, on a terminal or in a log.
#pragma once

#include "orders_rows.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>

/// printf into a string.
[[gnu::format(printf, 1, 2)]] inline std::string format(const char *pattern, ...)
{
    char text[512];
    va_list values;
    va_start(values, pattern);
    std::vsnprintf(text, sizeof text, pattern, values);
    va_end(values);
    return text;
}

/// `1234567` as `1,234,567`.
inline std::string grouped(std::int64_t number)
{
    std::string digits = std::to_string(number);
    for (std::size_t end = digits.size(); end > 3; end -= 3)
        digits.insert(end - 3, ",");
    return digits;
}

/// RFC 3339, with microseconds.
inline std::string iso_text(karrow::Timestamp time)
{
    const auto second = std::chrono::floor<std::chrono::seconds>(time);
    const std::time_t whole = second.time_since_epoch().count();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - second).count();
    std::tm parts{};
    gmtime_r(&whole, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    return format("%s.%06dZ", text, static_cast<int>(micros));
}

/// At most this many characters, and none that a terminal would take for a command: texts of a topic may hold any.
inline std::string clipped(std::string_view text, std::size_t width)
{
    std::string shown;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        const bool continues = (byte & 0xc0) == 0x80;
        if (!continues && width-- == 0)
            break;
        // Commands are below a blank, 7f, and c2 80 to c2 9f.
        const bool two_byte_command =
            byte == 0xc2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xa0;
        if (two_byte_command)
            ++at;
        shown += byte < ' ' || byte == 0x7f || two_byte_command ? '?' : text[at];
    }
    return shown;
}

/// How much of something is done: `[######..............]  30 %`.
inline std::string bar_of(double done)
{
    constexpr int width = 40;
    const int marks = std::clamp(static_cast<int>(done * width), 0, width);
    return "[" + std::string(static_cast<std::size_t>(marks), '#')
        + std::string(static_cast<std::size_t>(width - marks), '.') + format("] %3d %%", static_cast<int>(done * 100));
}

/// Draws in place on a terminal; elsewhere writes a line now and then.
class View {
public:
    explicit View(std::string title) : title_(std::move(title))
    {
        const char *kind = std::getenv("TERM");
        terminal_ = isatty(STDOUT_FILENO) && kind != nullptr && std::string_view(kind) != "dumb";
        if (!terminal_)
            print({title_});
    }

    /// Shows what there is, if it is time to, with the rates since the last time.
    void update(const Progress &progress)
    {
        const double passed = std::chrono::duration<double>(Clock::now() - shown_at_).count();
        if (passed < (terminal_ ? 0.1 : 0.5))
            return;
        for (const auto &[id, partition] : progress.partitions) {
            Shown &shown = shown_[id];
            shown = {partition.rows, static_cast<double>(partition.rows - shown.rows) / passed};
        }
        shown_at_ = Clock::now();
        if (terminal_)
            draw(progress);
        else
            log(progress);
    }

    /// Shows everything once more, with the rates of the whole time.
    void finish(const Progress &progress)
    {
        for (const auto &[id, partition] : progress.partitions)
            shown_[id].rate = static_cast<double>(partition.rows) / seconds();
        if (terminal_)
            draw(progress);
        else
            print(lines_of(progress));
    }

    /// How long it has been showing.
    double seconds() const { return std::chrono::duration<double>(Clock::now() - started_at_).count(); }

private:
    using Clock = std::chrono::steady_clock;

    struct Shown {
        std::int64_t rows = 0;
        double rate = 0;
    };

    std::string rate_of(std::int32_t id) { return grouped(static_cast<std::int64_t>(shown_[id].rate)); }

    /// Writes one line, if it has something new to say.
    void log(const Progress &progress)
    {
        std::string news = format("%11s rows", grouped(progress.rows).c_str());
        if (progress.done)
            news += format(", %d %%", static_cast<int>(*progress.done * 100));
        for (const auto &[id, partition] : progress.partitions) {
            news += format(" | %d: %s, %s/s", id, grouped(partition.rows).c_str(), rate_of(id).c_str());
            if (partition.lag)
                news += ", lag " + grouped(*partition.lag);
            if (partition.failure)
                news += std::string(", ") + partition.failure->what();
        }
        if (news != logged_)
            print({format("%6.1f s", seconds()) + news});
        logged_ = news;
    }

    std::vector<std::string> lines_of(const Progress &progress)
    {
        const bool lag_is_known = !progress.partitions.empty() && progress.partitions.begin()->second.lag;
        std::vector<std::string> lines = {
            format("%s   %.1f s   %s rows", title_.c_str(), seconds(), grouped(progress.rows).c_str()),
            progress.done ? bar_of(*progress.done) : "",
            "partition         rows      rows/s" + std::string(lag_is_known ? "         lag" : "")};
        for (const auto &[id, partition] : progress.partitions) {
            lines.push_back(format("%9d %12s %11s", id, grouped(partition.rows).c_str(), rate_of(id).c_str()));
            if (partition.lag)
                lines.back() += format(" %11s", grouped(*partition.lag).c_str());
            if (partition.failure)
                lines.push_back(std::string("          ") + partition.failure->what());
        }
        lines.push_back("");
        lines.push_back(format("%9s %12s   %-27s   %-6s   %-4s %11s %12s", "partition", "offset", "Tstamp", "Symbol",
                               "Side", "Price", "Qty"));
        for (const auto &[id, partition] : progress.partitions)
            for (const Row &row : partition.last)
                lines.push_back(line_of(row));
        return lines;
    }

    static std::string line_of(const Row &row)
    {
        return format("%9d %12lld   %-27s   %-6s   %-4s %11s %12s", row.partition, static_cast<long long>(row.offset),
                      row.time ? iso_text(*row.time).c_str() : "null",
                      row.symbol ? clipped(*row.symbol, 6).c_str() : "null",
                      row.side ? clipped(*row.side, 4).c_str() : "null",
                      row.price ? format("%.2f", *row.price).c_str() : "null",
                      row.qty ? grouped(*row.qty).c_str() : "null");
    }

    static void print(const std::vector<std::string> &lines)
    {
        for (const std::string &line : lines)
            std::printf("%s\n", line.c_str());
        std::fflush(stdout);
    }

    /// Overwrites what it has drawn before, as much as the terminal has room for.
    void draw(const Progress &progress)
    {
        winsize size{};
        const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 1;
        const std::size_t width = known ? size.ws_col : 80, height = known ? size.ws_row : 24;
        std::vector<std::string> lines = lines_of(progress);
        lines.resize(std::min(lines.size(), height - 1));
        if (drawn_lines_ > 0)
            std::printf("\x1b[%zuF", drawn_lines_);
        for (const std::string &line : lines)
            std::printf("%s\x1b[K\n", clipped(line, width).c_str());
        std::printf("\x1b[J");
        std::fflush(stdout);
        drawn_lines_ = lines.size();
    }

    const std::string title_;
    bool terminal_;
    const Clock::time_point started_at_ = Clock::now();
    Clock::time_point shown_at_ = started_at_;
    std::map<std::int32_t, Shown> shown_;
    std::size_t drawn_lines_ = 0;
    std::string logged_;
};
