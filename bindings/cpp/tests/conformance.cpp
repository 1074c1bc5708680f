// The conformance cases (tests/conformance) through the library, a test for each case: those that need a broker where there
// is one, else the others. What a case says that is not understood here is an error, never passed over.

#include "conformance.hpp"
#include "place.hpp"
#include "support.hpp"

#include <filesystem>
#include <fstream>
#include <thread>

using namespace conformance;
using namespace karrow;
using namespace std::chrono_literals;

namespace {

// Cases -----------------------------------------------------------------------------------------------------------

struct Case {
    std::string name;
    json text;
};

void PrintTo(const Case &printed, std::ostream *out)
{
    *out << printed.name;
}

std::vector<Case> cases_for_the_place()
{
    std::vector<std::filesystem::path> files;
    for (const auto &entry : std::filesystem::directory_iterator(KARROW_CONFORMANCE_CASES))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<Case> cases;
    for (const std::filesystem::path &file : files)
        for (json &text : json::parse(std::ifstream(file)))
            if ((text.value("needs", "") == "broker") == at_broker())
                cases.push_back({text.at("name"), std::move(text)});
    return cases;
}

// Errors ----------------------------------------------------------------------------------------------------------

void check_text(const std::string &what, const std::string &found, json expected, const std::string &topic)
{
    const bool whole = expected.is_string();
    if (!whole) {
        Members members(expected);
        expected = members.need("contains");
        members.end();
    }
    auto text = expected.get<std::string>();
    static const std::string placeholder = "{topic}";
    for (std::size_t at = text.find(placeholder); at != std::string::npos; at = text.find(placeholder))
        text.replace(at, placeholder.size(), topic);
    if (whole)
        same(what, found, text);
    else if (found.find(text) == std::string::npos)
        throw Mismatch(what + " is " + found + ", which does not contain " + text);
}

void check_error(const Error &error, Members expected, const std::string &topic)
{
    same("the status", status_name(error.status()), expected.need("status").get<std::string>());
    check_text("the message", error.what(), expected.need("message"), topic);
    for (const std::string key : {"column", "path", "side", "reason", "argument"})
        if (expected.has(key))
            same(key, error.detail(key).value_or("(none)"), expected.take(key).get<std::string>());
    expected.end();
}

template <class Call>
void check_failing(const json &expected, const std::string &topic, Call call)
{
    try {
        call();
    } catch (const Error &error) {
        check_error(error, Members(expected), topic);
        return;
    }
    throw Mismatch("should have failed");
}

// Running ---------------------------------------------------------------------------------------------------------

/// The number of a partition, or of all of them.
std::int32_t partition_of_key(const std::string &partition)
{
    return partition == "all" ? KARROW_ALL_PARTITIONS : std::stoi(partition);
}

/// The time in `{"time": 1000}`.
std::int64_t time_of(const json &text)
{
    Members members(text);
    const auto time = members.need("time").get<std::int64_t>();
    members.end();
    return time;
}

MockCluster::Time time_point_of(std::int64_t time)
{
    return MockCluster::Time(std::chrono::milliseconds(time));
}

/// What no Offset can be goes to the library as it is, which has to refuse it.
void set_start(Options &options, const std::string &partition, const json &start)
{
    static const std::map<std::string, Offset> names = {
        {"beginning", Offset::beginning()}, {"dont_seek", Offset::dont_seek()}, {"end", Offset::end()}};
    const std::int32_t number = partition_of_key(partition);
    const auto set = [&](Start place) {
        partition == "all" ? options.start(all_partitions, place) : options.start(number, place);
    };
    if (start.is_object())
        set(time_point_of(time_of(start)));
    else if (start.is_string())
        set(names.at(start));
    else if (const auto offset = start.get<std::int64_t>(); offset >= 0)
        set(Offset(offset));
    else
        detail::call(karrow_options_set_start_offset, options.get(), number, offset);
}

void set_stop(Options &options, const std::string &partition, const json &stop)
{
    const std::int32_t number = partition_of_key(partition);
    const auto set = [&](Stop place) {
        partition == "all" ? options.stop(all_partitions, place) : options.stop(number, place);
    };
    if (stop.is_object())
        set(Stop::before(time_point_of(time_of(stop))));
    else if (stop == "end")
        set(Stop::at_end());
    else if (const auto offset = stop.get<std::int64_t>(); offset >= 0)
        set(Stop::before(Offset(offset)));
    else
        detail::call(karrow_options_set_stop_offset, options.get(), number, offset);
}

// Progress --------------------------------------------------------------------------------------------------------

json text_of(ReadingState state)
{
    switch (state) {
    case ReadingState::reading: return "reading";
    case ReadingState::at_end: return "at_end";
    case ReadingState::waiting: return "waiting";
    case ReadingState::failed: return "failed";
    case ReadingState::finished: return "finished";
    case ReadingState::other: break;
    }
    return "(other)";
}

/// A partition's progress as cases have it.
json cells_of(const PartitionProgress &found)
{
    const auto offset = [](const std::optional<Offset> &value) { return value ? json(value->value()) : json(nullptr); };
    const auto &time = found.last_record_time;
    const BadRecords &bad = found.bad_records;
    return {{"state", text_of(found.state)},
            {"reason", found.reason ? json(*found.reason) : json(nullptr)},
            {"position", found.position.value()},
            {"end_offset", offset(found.end_offset)},
            {"stop_offset", offset(found.stop_offset)},
            {"lag", found.lag ? json(*found.lag) : json(nullptr)},
            {"rows", found.rows},
            {"bytes", found.bytes},
            {"bad_records",
             {{"key", bad.key}, {"value", bad.value}, {"timestamp", bad.timestamp}, {"headers", bad.headers}}},
            {"batches", found.batches},
            {"memory_bytes", found.memory_bytes},
            {"last_record_time", time ? json(time->time_since_epoch().count()) : json(nullptr)}};
}

/// Whether what is named is as expected; `{topic}` stands for the topic's name.
void check_progress(const json &expected, const std::vector<PartitionProgress> &progress, const std::string &topic)
{
    for (const auto &[partition, members] : expected.items()) {
        const std::int32_t id = std::stoi(partition);
        const auto has_id = [id](const PartitionProgress &row) { return row.partition == id; };
        const auto row = std::find_if(progress.begin(), progress.end(), has_id);
        if (row == progress.end())
            throw Mismatch("[" + partition + "] has no row");
        const json cells = cells_of(*row);
        for (const auto &[name, value] : members.items()) {
            const std::string what = "[" + partition + "] " + name;
            if (!cells.contains(name))
                throw Mismatch(what + " is not known here");
            if (name == "bad_records")
                for (const auto &[side, count] : value.items())
                    same(what + "." + side, cells.at(name).at(side), count);
            else if (name == "reason" && value.is_string() && cells.at(name).is_string())
                check_text(what, cells.at(name), value, topic);
            else
                same(what, cells.at(name), value);
        }
    }
}

// Dead letters ----------------------------------------------------------------------------------------------------

json base64_of(const std::optional<std::string> &bytes)
{
    return bytes ? json(base64(reinterpret_cast<const std::uint8_t *>(bytes->data()), bytes->size())) : json(nullptr);
}

/// The bytes of hexadecimal digits, which may have blanks between them.
std::string bytes_of_hex(std::string digits)
{
    digits.erase(std::remove(digits.begin(), digits.end(), ' '), digits.end());
    std::string bytes;
    for (std::size_t at = 0; at < digits.size(); at += 2)
        bytes += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
    return bytes;
}

/// Bytes as records have them, in base64.
json base64_of_record(const json &bytes)
{
    if (!bytes.is_object())
        return base64_of(bytes.is_null() ? std::nullopt : std::optional<std::string>(bytes.get<std::string>()));
    Members members(bytes);
    json base64 = members.has("hex") ? base64_of(bytes_of_hex(members.take("hex"))) : members.need("base64");
    members.end();
    return base64;
}

/// What a case says of a dead letter, with bytes in base64.
json expected_letter(const json &expected)
{
    json letter = expected;
    for (const char *member : {"key", "value"})
        if (letter.contains(member))
            letter[member] = base64_of_record(letter[member]);
    if (letter.contains("headers"))
        for (json &header : letter["headers"])
            for (json &part : header)
                part = base64_of_record(part);
    return letter;
}

/// A dead letter in the same way.
json found_letter(const DeadLetter &found)
{
    const auto text = [](const std::optional<std::string> &part) { return part ? json(*part) : json(nullptr); };
    json headers = json::array();
    for (const Header &header : found.headers)
        headers.push_back({base64_of(header.key), base64_of(header.value)});
    const auto &time = found.timestamp;
    return {{"partition", found.partition},
            {"offset", found.offset.value()},
            {"timestamp_ms", time ? json(time->time_since_epoch().count()) : json(nullptr)},
            {"key", base64_of(found.key)},
            {"value", base64_of(found.value)},
            {"headers", std::move(headers)},
            {"side", found.side},
            {"column", text(found.column)},
            {"path", text(found.path)},
            {"reason", found.reason}};
}

/// Whether these are the expected dead letters, in their order within each partition.
void check_dead_letters(const json &expected, const std::vector<DeadLetter> &letters, const std::string &topic)
{
    std::map<std::int32_t, std::vector<json>> wanted, found;
    for (const json &letter : expected)
        wanted[letter.value("partition", 0)].push_back(expected_letter(letter));
    for (const DeadLetter &letter : letters) {
        same("the topic of a dead letter", letter.topic, topic);
        found[letter.partition].push_back(found_letter(letter));
        wanted[letter.partition];
    }
    for (const auto &[partition, mine] : wanted) {
        const std::vector<json> &theirs = found[partition];
        for (std::size_t index = 0; index < std::min(mine.size(), theirs.size()); ++index)
            for (const auto &[name, value] : mine[index].items()) {
                const std::string what = "[" + shown(partition) + "] letter " + shown(index) + ", " + name;
                if (!theirs[index].contains(name))
                    throw Mismatch(what + " is not known here");
                same(what, theirs[index].at(name), value);
            }
        same("[" + shown(partition) + "] the number of letters", theirs.size(), mine.size());
    }
}

enum class Table { blink, append, ring };

/// A case on its way.
class RunningCase {
public:
    explicit RunningCase(const Case &text) : topic_(topic_of(text.name)), case_(text.text), options_(topic_)
    {
        for (const char *said_elsewhere : {"name", "rules", "unlike_deephaven", "needs"})
            case_.take(said_elsewhere);
    }

    void all()
    {
        const json error = case_.take("error"), steps = case_.take("steps"), log = case_.take("log");
        const auto partitions = case_.take<std::int32_t>("partitions", 1);
        const json topic_config = case_.take("topic_config");
        std::string call = "spec";
        try {
            set_specs();
            call = "options";
            set_options();
            const json schema = case_.take("schema");
            case_.end();
            call = "new";
            consumer_.emplace(options_);
            if (partitions > 0)
                create_topic(topic_, partitions, topic_config);
            call = "open";
            produce(log.is_null() ? json::array() : log);
            consumer_->open(60s);
            call = "the steps";
            begin(schema);
        } catch (const Error &failure) {
            if (error.is_null())
                throw Mismatch(call + " fails: " + failure.what());
            Members expected(error);
            same("the call that fails", call, expected.need("at").get<std::string>());
            check_error(failure, std::move(expected), topic_);
            return;
        }
        if (!error.is_null())
            throw Mismatch("should have failed");
        for (std::size_t index = 0; index < steps.size(); ++index)
            within("step " + shown(index), [&] { step(steps[index]); });
    }

private:
    void set_specs()
    {
        const json key = case_.take("key"), value = case_.take("value");
        options_.key(key.is_null() ? Spec::ignore() : spec_of(key));
        if (!value.is_null())
            options_.value(spec_of(value));
    }

    void set_options()
    {
        options_.set("bootstrap.servers", bootstrap_servers());
        // The embedded cluster answers a request for records that are yet to come only when its time is over.
        options_.set("fetch.wait.max.ms", "2");
        const json options = case_.take("options");
        for (const auto &[key, value] : options.items()) {
            has_other_limits_ = has_other_limits_ || key.rfind("karrow.ring.max.", 0) == 0;
            value.is_null() ? options_.unset(key) : options_.set(key, value);
        }
        if (case_.has("read_partitions"))
            options_.partitions(case_.take("read_partitions"));
        if (!case_.has("start"))
            options_.start(all_partitions, Offset::beginning());
        const json starts = case_.take("start"), stops = case_.take("stop");
        for (const auto &[partition, start] : starts.items())
            set_start(options_, partition, start);
        for (const auto &[partition, stop] : stops.items())
            set_stop(options_, partition, stop);
        set_table(case_.has("table") ? case_.take("table") : json("append"));
    }

    void set_table(const json &table)
    {
        if (table == "append") {
            table_ = Table::append;
            options_.table_type(TableType::append());
        } else if (table == "blink") {
            options_.table_type(TableType::blink());
        } else if (table != "default") {
            Members members(table);
            table_ = Table::ring;
            capacity_ = members.need("ring");
            members.end();
            options_.table_type(TableType::ring(capacity_));
        }
    }

    void begin(const json &schema)
    {
        cycles_.push_back(consumer_->snapshot());
        if (schema.is_null())
            return;
        within("schema", [&] {
            const Schema found = consumer_->schema();
            check_fields(schema, *found.get());
            same("karrow.topic", metadata_of(*found.get()).at("karrow.topic"), topic_);
        });
    }

    void step(const json &text)
    {
        Members step(text);
        if (step.has("produce"))
            produce(step.take("produce"));
        else if (step.has("poll"))
            poll(Members(step.take("poll")), step.take("error"));
        else if (step.has("expect"))
            expect(step);
        else if (step.has("rows"))
            rows(Members(step.take("rows")), step.take("error"));
        else if (step.has("merged"))
            merged(Members(step.take("merged")), step.take("error"));
        else if (step.has("refuse"))
            refuse(Members(step.take("refuse")));
        else if (step.has("resume"))
            resume(Members(step.take("resume")), step.take("error"));
        else if (step.has("discard"))
            discard(Members(step.take("discard")), step.take("error"));
        else if (step.has("commit"))
            commit(Members(step.take("commit")), step.take("error"));
        else if (step.has("wait"))
            wait(Members(step.take("wait")), step.take("error"));
        else if (step.has("progress"))
            progress(step.take("progress"));
        else if (step.has("dead_letters"))
            dead_letters(step.take("dead_letters"));
        else if (step.has("reopen"))
            reopen(Members(step.take("reopen")));
        else if (step.has("view"))
            check_failing(step.need("error"), topic_, [&] { consumer_->snapshot().view(step.take("view")); });
        step.end();
    }

    void produce(const json &records)
    {
        if (records.empty())
            return;
        produce_records(topic_, records);
        for (const json &record : records)
            ++produced_[partition_of(record)];
    }

    static std::int32_t partition_of(const json &record)
    {
        return record.is_object() ? record.value("partition", 0) : 0;
    }

    void poll(Members poll, const json &error)
    {
        if (!error.is_null()) {
            poll.end();
            // Such an end is a value of the wrapper's, without the sentence that the library has for it.
            same("the status", status_name(consumer_->poll(0s).status), error.at("status").get<std::string>());
            check_failing(error, topic_, [&] {
                detail::call(karrow_consumer_poll, consumer_->get(), 0, nullptr, nullptr, nullptr);
            });
            return;
        }
        const auto rows = poll.take<std::int64_t>("rows", 0);
        const auto failed = poll.take<std::int32_t>("failed", 0);
        poll.end();
        poll_until(rows, failed);
    }

    /// Polls until exactly so many rows have come and so many partitions are failed.
    void poll_until(std::int64_t rows, std::int32_t failed)
    {
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        std::vector<Snapshot> cycles;
        Snapshot before = consumer_->snapshot();
        std::int64_t seen = 0;
        for (;;) {
            // What is expected to find nothing does not wait for it.
            Cycle cycle = consumer_->poll(rows == 0 && failed == 0 ? 0ms : 100ms);
            if (!cycle)
                throw Mismatch("poll came to " + status_name(cycle.status));
            seen += cycle.rows;
            check_cycle(before, cycle);
            before = consumer_->snapshot();
            cycles.push_back(std::move(cycle.snapshot));
            if (seen == rows && cycle.failed == failed)
                break;
            if (seen > rows || cycle.failed > failed || std::chrono::steady_clock::now() > deadline)
                throw Mismatch(shown(seen) + " rows and " + shown(cycle.failed) + " failed, not " + shown(rows)
                               + " and " + shown(failed) + failures(before));
        }
        cycles_ = std::move(cycles);
    }

    /// What holds for every cycle: rows are numbered on from the cycle before, and there are as many new ones as poll
    /// says (rules Y1, Y2, Y4).
    void check_cycle(const Snapshot &before, const Cycle &cycle) const
    {
        same("the cycle", cycle.snapshot.cycle(), before.cycle() + 1);
        std::int64_t added = 0;
        for (const Partition &now : cycle.snapshot.partitions()) {
            const Partition old = before.partition(now.id());
            added += now.end_row() - old.end_row();
            const auto discarded = discarded_.find(now.id());
            const std::int64_t first_row = table_ == Table::blink ? old.end_row()
                : table_ == Table::ring                           ? std::max(old.first_row(), now.end_row() - capacity_)
                : discarded == discarded_.end()                   ? 0
                                                                  : discarded->second;
            if (!has_other_limits_)
                same("first_row of a cycle", now.first_row(), first_row);
            else if (now.first_row() < first_row || now.first_row() > now.end_row())
                throw Mismatch("first_row of a cycle is " + shown(now.first_row()) + ", before " + shown(first_row)
                               + " or behind the end");
        }
        same("the rows of a cycle", added, cycle.rows);
    }

    static std::string failures(const Snapshot &snapshot)
    {
        std::string text;
        for (const Partition &partition : snapshot.partitions())
            if (const std::optional<Error> failure = partition.failure())
                text.append("; ").append(failure->what());
        return text;
    }

    void expect(Members &step)
    {
        // Asked anew, so that nothing is seen of what has happened since the last poll (rule Y3).
        cycles_.back() = consumer_->snapshot();
        if (step.has("partitions")) {
            json ids = json::array();
            for (const Partition &partition : cycles_.back().partitions())
                ids.push_back(partition.id());
            same("partitions", ids, step.take("partitions"));
        }
        if (step.has("cycle"))
            same("cycle", cycles_.back().cycle(), step.take("cycle").get<std::int64_t>());
        std::vector<const Snapshot *> shown_cycles;
        for (const Snapshot &cycle : cycles_)
            if (table_ == Table::blink || &cycle == &cycles_.back())
                shown_cycles.push_back(&cycle);
        std::vector<Snapshot> views;
        if (step.has("view")) {
            const json view = step.take("view");
            for (const Snapshot *cycle : shown_cycles)
                views.push_back(cycle->view(view));
            shown_cycles.clear();
            for (const Snapshot &cycle : views)
                shown_cycles.push_back(&cycle);
        }
        const json partitions = step.take("expect");
        for (const auto &[partition, expected] : partitions.items()) {
            const std::int32_t id = std::stoi(partition);
            within("[" + partition + "]", [&, &expected = expected] {
                expect_partition(id, Members(expected), shown_cycles);
            });
        }
    }

    void expect_partition(std::int32_t id, Members expected, const std::vector<const Snapshot *> &cycles) const
    {
        const Partition partition = cycles.back()->partition(id);
        Columns columns(cycles.back()->schema());
        for (const Snapshot *cycle : cycles)
            add_rows(columns, *cycle, id);
        const std::int64_t first_row = cycles.front()->partition(id).first_row();
        same("the number of rows", columns.rows, partition.end_row() - first_row);
        same("first_row", first_row, expected.take("first_row", first_row));
        same("end_row", partition.end_row(), expected.take("end_row", partition.end_row()));
        columns.check(expected.take("columns"));
        const std::int64_t next_offset = partition.next_offset().value();
        same("next_offset", next_offset, expected.take("next_offset", next_offset));
        const json failure = expected.take("failure");
        const auto state = expected.take<std::string>("state", failure.is_null() ? "reading" : "failed");
        expected.end();
        const std::optional<Error> found = partition.failure();
        same(found ? std::string("state (") + found->what() + ")" : "state", state_name(partition.state()), state);
        if (failure.is_null())
            return;
        if (!found)
            throw Mismatch("failure: there is none");
        check_error(*found, Members(failure), topic_);
        check_place(*found, id, next_offset);
    }

    static std::string state_name(PartitionState state)
    {
        return state == PartitionState::reading ? "reading"
            : state == PartitionState::waiting  ? "waiting"
            : state == PartitionState::finished ? "finished"
                                                : "failed";
    }

    static void check_place(const Error &failure, std::int32_t partition, std::int64_t offset)
    {
        const std::optional<Position> position = failure.position();
        if (!position)
            throw Mismatch("the failure has no place");
        same("the partition of the failure", position->partition, partition);
        same("the offset of the failure", position->offset.value(), offset);
    }

    void rows(Members rows, const json &error)
    {
        const auto id = rows.take<std::int32_t>("partition", 0);
        const auto from_row = rows.need("from_row").get<std::int64_t>();
        const auto end_row = rows.take<std::int64_t>("end_row", -1);
        const json columns = rows.take("columns");
        rows.end();
        const Snapshot snapshot = consumer_->snapshot();
        if (!error.is_null())
            return check_failing(error, topic_, [&] { snapshot.partition(id).stream(from_row, end_row); });
        check_stream(snapshot, snapshot.partition(id).stream(from_row, end_row), columns);
    }

    void merged(Members merged, const json &error)
    {
        const auto from_rows = merged.take<std::vector<std::int64_t>>("from_rows", {});
        const json columns = merged.take("columns");
        merged.end();
        const Snapshot snapshot = consumer_->snapshot();
        if (!error.is_null())
            return check_failing(error, topic_, [&] { snapshot.merged(from_rows); });
        check_stream(snapshot, snapshot.merged(from_rows), columns);
    }

    static void check_stream(const Snapshot &snapshot, Stream stream, const json &columns)
    {
        Columns found(snapshot.schema());
        for (const Batch &batch : Batches(std::move(stream)))
            found.add(batch);
        found.check(columns);
    }

    /// Produces records that have to fail their partition, one by one, and resumes past each.
    void refuse(Members refuse)
    {
        const auto column = refuse.take<std::string>("column", "");
        const auto path = refuse.take<std::string>("path", "");
        const auto side = refuse.take<std::string>("side", "value");
        const json reason = refuse.need("reason"), records = refuse.need("records");
        refuse.end();
        for (const json &record : records) {
            const std::int32_t partition = partition_of(record);
            const std::int64_t offset = produced_[partition];
            within("the record at offset " + shown(offset), [&] {
                produce(json::array({record}));
                poll_until(0, 1);
                const std::optional<Error> failure = cycles_.back().partition(partition).failure();
                if (!failure)
                    throw Mismatch("another partition has failed");
                check_refusal(*failure, column, path, side, reason);
                check_place(*failure, partition, offset);
                same("next_offset", cycles_.back().partition(partition).next_offset().value(), offset);
                consumer_->resume(partition, Offset(offset + 1));
                poll_until(0, 0);
            });
        }
    }

    void check_refusal(const Error &failure, const std::string &column, const std::string &path,
                       const std::string &side, const json &reason) const
    {
        same("the status", status_name(failure.status()), "BAD_RECORD");
        const std::string told = failure.detail("reason").value_or("");
        check_text("the reason", told, reason, topic_);
        const std::string place = topic_ + "[" + shown(failure.position()->partition) + "]@"
            + shown(failure.position()->offset.value()) + " (" + side + ")";
        const std::string &named_place = path.empty() ? column : path;
        const std::string named = named_place.empty() ? "" : "column " + named_place + ": ";
        same("the message", failure.what(), named + told + ", at " + place);
        same("column", failure.detail("column").value_or(""), column);
        same("path", failure.detail("path").value_or(""), path);
        same("side", failure.detail("side").value_or(""), side);
        same("topic", failure.detail("topic").value_or(""), topic_);
    }

    void resume(Members resume, const json &error)
    {
        const auto partition = resume.take<std::int32_t>("partition", 0);
        const auto offset = resume.need("offset").get<std::int64_t>();
        resume.end();
        // What no Offset can be goes to the library as it is.
        const auto call = [&] { detail::call(karrow_consumer_resume, consumer_->get(), partition, offset); };
        if (error.is_null())
            consumer_->resume(partition, Offset(offset));
        else
            check_failing(error, topic_, call);
    }

    void discard(Members discard, const json &error)
    {
        const auto partition = discard.take<std::int32_t>("partition", 0);
        const auto before_row = discard.need("before_row").get<std::int64_t>();
        discard.end();
        if (!error.is_null())
            return check_failing(error, topic_, [&] { consumer_->discard(partition, before_row); });
        consumer_->discard(partition, before_row);
        std::int64_t &discarded = discarded_[partition];
        discarded = std::max(discarded, before_row);
    }

    /// Commits what the last cycle shows.
    void commit(Members commit, const json &error)
    {
        commit.end();
        const auto call = [&] { consumer_->commit(consumer_->snapshot(), 60s); };
        error.is_null() ? call() : check_failing(error, topic_, call);
    }

    /// Nobody polls meanwhile, so there is nothing to wait for.
    void wait(Members wait, const json &error)
    {
        const std::int64_t last = consumer_->snapshot().cycle();
        const auto after_cycle = wait.take<std::int64_t>("after_cycle", last);
        wait.end();
        const Waited waited = consumer_->wait(after_cycle, 0s);
        if (error.is_null()) {
            same("the status", status_name(waited.status), "OK");
            same("the cycle", waited.snapshot.cycle(), last);
            return;
        }
        // Such an end is a value of the wrapper's, without the sentence that the library has for it.
        same("the status", status_name(waited.status), error.at("status").get<std::string>());
        karrow_snapshot *snapshot = nullptr;
        check_failing(error, topic_, [&] {
            detail::call(karrow_consumer_wait, consumer_->get(), after_cycle, 0, &snapshot);
        });
    }

    /// Looks at the progress until it is as expected: it is live.
    void progress(const json &expected)
    {
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        for (;;) {
            try {
                return check_progress(expected, consumer_->progress(), topic_);
            } catch (const Mismatch &) {
                if (std::chrono::steady_clock::now() > deadline)
                    throw;
            }
            std::this_thread::sleep_for(2ms);
        }
    }

    /// Takes dead letters until as many as expected have come: they are live. No more than those may be there.
    void dead_letters(const json &expected)
    {
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        std::vector<DeadLetter> found;
        for (;;) {
            std::vector<DeadLetter> more = consumer_->dead_letters();
            const bool enough = more.empty() && found.size() >= expected.size();
            if (enough || std::chrono::steady_clock::now() > deadline)
                return check_dead_letters(expected, found, topic_);
            std::move(more.begin(), more.end(), std::back_inserter(found));
            std::this_thread::sleep_for(2ms);
        }
    }

    /// Closes the consumer, and opens another one that starts elsewhere.
    void reopen(Members reopen)
    {
        const json starts = reopen.take("start");
        reopen.end();
        consumer_->close();
        for (const auto &[partition, start] : starts.items())
            set_start(options_, partition, start);
        consumer_.emplace(options_);
        consumer_->open(60s);
        discarded_.clear();
        cycles_.clear();
        cycles_.push_back(consumer_->snapshot());
    }

    std::string topic_;
    Members case_;
    Options options_;
    std::optional<Consumer> consumer_;
    Table table_ = Table::blink;
    std::int64_t capacity_ = 0;
    /// Whether a ring forgets by bytes or by age too: then only the case itself knows which rows are left.
    bool has_other_limits_ = false;
    /// How many records there are in each partition.
    std::map<std::int32_t, std::int64_t> produced_;
    /// Before which row each partition's have been discarded.
    std::map<std::int32_t, std::int64_t> discarded_;
    /// The cycles of the last poll step, the newest last.
    std::vector<Snapshot> cycles_;
};

class Conformance : public testing::TestWithParam<Case> {};

} // namespace

TEST_P(Conformance, IsAsTheCaseSays)
{
    try {
        RunningCase(GetParam()).all();
    } catch (const std::exception &failure) {
        FAIL() << failure.what();
    }
}

INSTANTIATE_TEST_SUITE_P(Cases, Conformance, testing::ValuesIn(cases_for_the_place()),
                         [](const auto &info) { return info.param.name; });
