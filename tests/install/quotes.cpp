/*
 * Reads quotes from a cluster of its own, and prints them. A program of somebody who has installed karrow, and nothing
 * else.
 */
#include <karrow/karrow.hpp>

#include <iostream>
#include <sstream>

int main()
try {
    const karrow::MockCluster cluster;
    cluster.create_topic("quotes", 1);
    const karrow::Consumer consumer = karrow::consume_to_partitioned_table(
        karrow::Options("quotes")
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .key(karrow::Spec::ignore())
            .value(karrow::Spec::json({{"Symbol", "String"}, {"Bid", "double"}},
                                      {{"jsymbol", "Symbol"}, {"jbid", "Bid"}}))
            .table_type(karrow::TableType::append()));
    cluster.produce("quotes", 0, std::nullopt, R"({"jsymbol": "AAPL", "jbid": 189.5})");
    cluster.produce("quotes", 0, std::nullopt, R"({"jsymbol": "MSFT"})");

    karrow::Cycle cycle;
    for (std::int64_t rows = 0; rows < 2; rows += cycle.rows)
        if (!(cycle = consumer.poll(std::chrono::seconds(30))) || cycle.rows == 0)
            throw std::runtime_error("nothing has come for 30 seconds");

    std::ostringstream quotes;
    for (const karrow::Batch &batch : cycle.snapshot.partition(0).batches()) {
        const auto symbol = batch.column<std::string_view>("Symbol");
        const auto bid = batch.column<double>("Bid");
        for (std::int64_t row = 0; row < batch.rows(); ++row) {
            quotes << symbol.value(row) << " ";
            if (bid.is_null(row))
                quotes << "none\n";
            else
                quotes << bid.value(row) << "\n";
        }
    }
    std::cout << quotes.str();
    return quotes.str() == "AAPL 189.5\nMSFT none\n" ? 0 : 1;
} catch (const std::exception &error) {
    std::cerr << error.what() << "\n";
    return 1;
}
