/* Prints every order that comes into the topic `orders` from now on. */
#include <karrow/karrow.hpp>

#include <iostream>
#include <map>

int main(int argc, char **argv)
try {
    const karrow::Consumer orders = karrow::consume_to_partitioned_table(
        karrow::Options("orders")
            .set("bootstrap.servers", argc > 1 ? argv[1] : "localhost:9092")
            .key(karrow::Spec::ignore())
            .value(karrow::Spec::json(
                {
                    {"Symbol", "String"},
                    {"Side", "String"},
                    {"Price", "double"},
                    {"Qty", "int64"},
                    {"Tstamp", "Instant"},
                },
                {
                    {"jsymbol", "Symbol"},
                    {"jside", "Side"},
                    {"jprice", "Price"},
                    {"jqty", "Qty"},
                    {"jts", "Tstamp"},
                }))
            .table_type(karrow::TableType::append()));
    std::cout << "waiting for orders" << std::endl;

    std::map<std::int32_t, std::int64_t> printed; // rows of each partition
    while (const karrow::Cycle cycle = orders.poll(karrow::forever))
        for (const karrow::Partition &partition : cycle.snapshot.partitions()) {
            for (const karrow::Batch &batch : partition.batches(printed[partition.id()])) {
                const auto symbol = batch.column<std::string_view>("Symbol");
                const auto price = batch.column<double>("Price");
                const auto qty = batch.column<std::int64_t>("Qty");
                for (std::int64_t row = 0; row < batch.rows(); ++row)
                    std::cout << symbol[row].value_or("?") << " " << qty[row].value_or(0) << " at "
                              << price[row].value_or(0) << std::endl;
            }
            printed[partition.id()] = partition.end_row();
            if (const std::optional<karrow::Error> failure = partition.failure())
                throw *failure; // a bad order: the message says which and why
        }
    return 0;
} catch (const karrow::Error &error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
