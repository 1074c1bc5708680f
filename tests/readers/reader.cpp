/*
 * Reads tables with Arrow's own library for C++: tests/readers/readers.py says what the question is, and the answer.
 */
#include "conformance.hpp"

#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <arrow/util/float16.h>
#include <arrow/visit_array_inline.h>

#include <fstream>
#include <iostream>

using conformance::json;

namespace {

json cell_of(const arrow::Array &array, std::int64_t row);

void check(const arrow::Status &status)
{
    if (!status.ok())
        throw std::runtime_error(status.ToString());
}

template <class Value>
Value checked(arrow::Result<Value> result)
{
    check(result.status());
    return std::move(result).ValueUnsafe();
}

/// A float as conformance cases have it.
json float_cell(double number)
{
    if (std::isnan(number))
        return "NaN";
    return std::isinf(number) ? json(number < 0 ? "-Infinity" : "Infinity") : json(number);
}

json bytes_cell(std::string_view bytes)
{
    return conformance::base64(reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size());
}

/// Shows a cell, which is not null, by the type of its array.
struct Cell {
    std::int64_t row;
    json shown = {};

    template <class Type>
    arrow::Status Visit(const arrow::NumericArray<Type> &array)
    {
        const auto value = array.Value(row);
        if constexpr (std::is_same_v<Type, arrow::HalfFloatType>)
            return show(float_cell(arrow::util::Float16::FromBits(value).ToDouble()));
        else if constexpr (std::is_floating_point_v<decltype(value)>)
            return show(float_cell(value));
        else
            return show(value);
    }

    arrow::Status Visit(const arrow::BooleanArray &array) { return show(array.Value(row)); }
    arrow::Status Visit(const arrow::StringArray &array) { return show(array.GetView(row)); }
    arrow::Status Visit(const arrow::LargeStringArray &array) { return show(array.GetView(row)); }
    arrow::Status Visit(const arrow::BinaryArray &array) { return show(bytes_cell(array.GetView(row))); }
    arrow::Status Visit(const arrow::LargeBinaryArray &array) { return show(bytes_cell(array.GetView(row))); }

    arrow::Status Visit(const arrow::FixedSizeBinaryArray &array)
    {
        const auto *decimal = dynamic_cast<const arrow::DecimalType *>(array.type().get());
        if (decimal == nullptr)
            return show(bytes_cell(array.GetView(row)));
        const auto width = static_cast<std::size_t>(array.byte_width());
        return show(conformance::decimal(array.GetValue(row), width, static_cast<std::size_t>(decimal->scale())));
    }

    arrow::Status Visit(const arrow::DayTimeIntervalArray &array)
    {
        const auto parts = array.GetValue(row);
        return show({parts.days, parts.milliseconds});
    }

    arrow::Status Visit(const arrow::MonthDayNanoIntervalArray &array)
    {
        const auto parts = array.GetValue(row);
        return show({parts.months, parts.days, parts.nanoseconds});
    }

    arrow::Status Visit(const arrow::ListArray &array) { return show_items(array); }
    arrow::Status Visit(const arrow::LargeListArray &array) { return show_items(array); }
    arrow::Status Visit(const arrow::FixedSizeListArray &array) { return show_items(array); }

    arrow::Status Visit(const arrow::MapArray &array)
    {
        shown = json::array();
        for (std::int64_t entry = array.value_offset(row); entry < array.value_offset(row + 1); ++entry)
            shown.push_back({cell_of(*array.keys(), entry), cell_of(*array.items(), entry)});
        return arrow::Status::OK();
    }

    arrow::Status Visit(const arrow::StructArray &array)
    {
        shown = json::object();
        for (int member = 0; member < array.num_fields(); ++member)
            shown[array.type()->field(member)->name()] = cell_of(*array.field(member), row);
        return arrow::Status::OK();
    }

    arrow::Status Visit(const arrow::DenseUnionArray &array)
    {
        const int child = array.child_id(row);
        return show({{array.type()->field(child)->name(), cell_of(*array.field(child), array.value_offset(row))}});
    }

    arrow::Status Visit(const arrow::DictionaryArray &array)
    {
        return show(cell_of(*array.dictionary(), array.GetValueIndex(row)));
    }

    arrow::Status Visit(const arrow::Array &array)
    {
        return arrow::Status::NotImplemented("there are no cells of ", array.type()->ToString());
    }

    template <class List>
    arrow::Status show_items(const List &array)
    {
        shown = json::array();
        for (std::int64_t item = 0; item < array.value_length(row); ++item)
            shown.push_back(cell_of(*array.values(), array.value_offset(row) + item));
        return arrow::Status::OK();
    }

    arrow::Status show(json value)
    {
        shown = std::move(value);
        return arrow::Status::OK();
    }
};

json cell_of(const arrow::Array &array, std::int64_t row)
{
    // Of a union Arrow says what its child is; a case says which child that is.
    if (array.type_id() != arrow::Type::DENSE_UNION && array.IsNull(row))
        return nullptr;
    Cell cell{row};
    check(arrow::VisitArrayInline(array, &cell));
    return cell.shown;
}

/// What is asked, and what the processor makes.
struct Reader {
    json question;
    std::shared_ptr<arrow::RecordBatch> made;

    karrow::Spec spec_of(const json &described) const
    {
        if (described.at("spec") != "processor")
            return conformance::spec_of(described);
        ArrowSchema schema;
        check(arrow::ExportSchema(*made->schema(), &schema));
        return karrow::Spec::callback(karrow::Schema(&schema), [made = made](karrow::ProcessorCall &call) {
            // Payloads are the numbers of rows, which come one after the other.
            const karrow::Batch input = call.take_input();
            const karrow::Bytes first = *input.column<karrow::Bytes>("payload")[0];
            const std::int64_t row = std::stoll(std::string(first.begin(), first.end()));
            ArrowArray array;
            ArrowSchema schema;
            check(arrow::ExportRecordBatch(*made->Slice(row, input.rows()), &array, &schema));
            call.set_output(karrow::Array(&array), karrow::Schema(&schema));
        });
    }

    json answer(const json &table) const
    {
        karrow::Options options(table.at("topic"));
        for (const auto &[key, setting] : question.at("options").items())
            options.set(key, setting);
        options.start(karrow::all_partitions, karrow::Offset::beginning());
        options.key(spec_of(table.at("key"))).value(spec_of(table.at("value")));
        const bool is_blink = table.at("kind") == "blink";
        options.table_type(is_blink                           ? karrow::TableType::blink()
                           : table.at("kind") == "append" ? karrow::TableType::append()
                                                          : karrow::TableType::ring(table.at("capacity")));
        const karrow::Consumer consumer = karrow::consume_to_partitioned_table(options);
        json answers(table.at("reads").size(), json::object());
        for (std::int64_t left = table.at("rows"); left > 0;) {
            const karrow::Cycle cycle = consumer.poll(std::chrono::seconds(30));
            if (!cycle || cycle.rows == 0)
                throw std::runtime_error(std::to_string(left) + " more rows should come");
            left -= cycle.rows;
            for (std::size_t index = 0; (is_blink || left == 0) && index < answers.size(); ++index)
                read(cycle.snapshot, table.at("reads")[index], answers[index]);
        }
        return answers;
    }

    static void read(const karrow::Snapshot &snapshot, const json &asked, json &answer)
    {
        const karrow::Snapshot view = snapshot.view(asked.at("columns"));
        const karrow::Partition partition = view.partition(0);
        const auto status = asked.value("array", false) ? read_array(view, partition.array(), answer["cells"])
            : asked.contains("rows")
            ? read_stream(partition.stream(asked.at("rows")[0], asked.at("rows")[1]), answer["cells"])
            : read_stream(partition.stream(), answer["cells"]);
        if (!status.ok())
            answer["error"] = status.ToString();
    }

    static arrow::Status read_array(const karrow::Snapshot &view, karrow::Array array, json &cells)
    {
        karrow::Schema schema = view.schema();
        ARROW_ASSIGN_OR_RAISE(const auto batch, arrow::ImportRecordBatch(array.get(), schema.get()));
        return add(*batch, cells);
    }

    static arrow::Status read_stream(karrow::Stream stream, json &cells)
    {
        ARROW_ASSIGN_OR_RAISE(const auto reader, arrow::ImportRecordBatchReader(stream.get()));
        for (const auto &next : *reader) {
            ARROW_ASSIGN_OR_RAISE(const auto batch, next);
            ARROW_RETURN_NOT_OK(add(*batch, cells));
        }
        return arrow::Status::OK();
    }

    static arrow::Status add(const arrow::RecordBatch &batch, json &cells)
    {
        ARROW_RETURN_NOT_OK(batch.ValidateFull());
        for (int index = 0; index < batch.num_columns(); ++index)
            for (std::int64_t row = 0; row < batch.num_rows(); ++row)
                cells[batch.column_name(index)].push_back(cell_of(*batch.column(index), row));
        return arrow::Status::OK();
    }
};

std::shared_ptr<arrow::RecordBatch> read_file(const std::string &path, arrow::MemoryPool *pool)
{
    arrow::ipc::IpcReadOptions options;
    options.memory_pool = pool;
    const auto file = checked(arrow::io::ReadableFile::Open(path, pool));
    return checked(checked(arrow::ipc::RecordBatchStreamReader::Open(file, options))->Next());
}

json answer(const json &question, arrow::MemoryPool *pool)
{
    const Reader reader{question, read_file(question.at("arrows"), pool)};
    if (pool->bytes_allocated() == 0)
        throw std::runtime_error("what the processor makes is not in the memory that is looked at");
    json answers = json::array();
    for (const json &table : question.at("tables"))
        answers.push_back(reader.answer(table));
    return answers;
}

} // namespace

int main(int, char **arguments)
try {
    const auto pool = arrow::MemoryPool::CreateDefault();
    std::cout << answer(json::parse(std::ifstream(arguments[1])), pool.get()) << "\n";
    if (pool->bytes_allocated() != 0)
        throw std::runtime_error("something of what the processor made has not been released");
} catch (const std::exception &error) {
    std::cerr << error.what() << "\n";
    return 1;
}
