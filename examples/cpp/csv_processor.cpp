// A processor: lines such as "AAPL,187.5" become the columns Symbol and Price, in a lambda of this program's. It brings its
// own cluster, so that it runs anywhere.
#include <karrow/karrow.hpp>

#include <cstdlib>
#include <iostream>

namespace {

// What an Arrow library does for a program that has one, and nanoarrow for one that wants little.

/// The columns: Symbol utf8, Price float64. Their memory is static, so that there is nothing to release.
karrow::Schema columns()
{
    static const auto release = [](ArrowSchema *schema) { schema->release = nullptr; };
    static ArrowSchema symbol{"u", "Symbol", nullptr, ARROW_FLAG_NULLABLE, 0, nullptr, nullptr, release, nullptr};
    static ArrowSchema price{"g", "Price", nullptr, ARROW_FLAG_NULLABLE, 0, nullptr, nullptr, release, nullptr};
    static ArrowSchema *members[] = {&symbol, &price};
    ArrowSchema schema{"+s", "", nullptr, 0, 2, members, nullptr, release, nullptr};
    return karrow::Schema(&schema);
}

/// Rows of these columns, and the memory that their array points into.
class Rows {
public:
    void add(std::string_view symbol, double price)
    {
        symbols_.append(symbol);
        ends_.push_back(static_cast<std::int32_t>(symbols_.size()));
        prices_.push_back(price);
    }

    /// The rows as an array, whose release gives their memory back.
    static karrow::Array to_array(std::unique_ptr<Rows> rows)
    {
        const auto length = static_cast<std::int64_t>(rows->prices_.size());
        const auto release_member = [](ArrowArray *array) { array->release = nullptr; };
        rows->symbol_buffers_[1] = rows->ends_.data();
        rows->symbol_buffers_[2] = rows->symbols_.data();
        rows->price_buffers_[1] = rows->prices_.data();
        rows->members_[0] = {length, 0, 0, 3, 0, rows->symbol_buffers_, nullptr, nullptr, release_member, nullptr};
        rows->members_[1] = {length, 0, 0, 2, 0, rows->price_buffers_, nullptr, nullptr, release_member, nullptr};
        ArrowArray array{length, 0, 0, 1, 2, rows->no_nulls_, rows->pointers_, nullptr, nullptr, nullptr};
        array.private_data = rows.release();
        array.release = [](ArrowArray *whole) {
            delete static_cast<Rows *>(whole->private_data);
            whole->release = nullptr;
        };
        return karrow::Array(&array);
    }

private:
    std::vector<std::int32_t> ends_{0};
    std::string symbols_;
    std::vector<double> prices_;
    const void *no_nulls_[1] = {nullptr};
    const void *symbol_buffers_[3] = {};
    const void *price_buffers_[2] = {};
    ArrowArray members_[2] = {};
    ArrowArray *pointers_[2] = {&members_[0], &members_[1]};
};

/// Reads the lines of a batch. What is no line is a bad record.
void read_lines(karrow::ProcessorCall &call)
{
    const karrow::Batch input = call.take_input();
    const karrow::Column<karrow::Bytes> payload = input.column<karrow::Bytes>("payload");
    auto rows = std::make_unique<Rows>();
    for (std::int64_t row = 0; row < input.rows(); ++row) {
        const karrow::Bytes bytes = payload[row].value_or(karrow::Bytes());
        const std::string line(bytes.begin(), bytes.end());
        const std::size_t comma = line.find(',');
        char *end = nullptr;
        const double price = comma == std::string::npos ? 0 : std::strtod(line.c_str() + comma + 1, &end);
        if (end == nullptr || end == line.c_str() + comma + 1 || *end != '\0')
            call.refuse(row, "expected a symbol, a comma and a price, found something else");
        rows->add(std::string_view(line).substr(0, comma), price);
    }
    call.set_output(Rows::to_array(std::move(rows)), columns());
}

} // namespace

int main()
{
    try {
        karrow::MockCluster cluster;
        cluster.create_topic("lines", 1);
        cluster.produce_records("lines", R"(["AAPL,187.5", "no line", "MSFT,410.25"])");

        const karrow::Consumer consumer =
            karrow::consume_to_partitioned_table(karrow::Options("lines")
                                                     .set("bootstrap.servers", cluster.bootstrap_servers())
                                                     .set("karrow.bad.record.policy", "skip")
                                                     .start(karrow::all_partitions, karrow::Offset::beginning())
                                                     .stop(karrow::all_partitions, karrow::Stop::at_end())
                                                     .key(karrow::Spec::ignore())
                                                     .value(karrow::Spec::callback(columns(), read_lines)));
        karrow::Cycle cycle;
        while ((cycle = consumer.poll(karrow::forever)) && cycle.failed == 0)
            for (const karrow::Batch &batch : cycle.snapshot.partition(0).batches())
                for (std::int64_t row = 0; row < batch.rows(); ++row)
                    std::cout << *batch.column<std::string_view>("Symbol")[row] << " costs "
                              << *batch.column<double>("Price")[row] << '\n';
        return cycle.status == karrow::Status::end ? 0 : 1;
    } catch (const karrow::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
