// Deals with the records of a topic that a group has not seen yet, tells Kafka so, and ends.
#include <karrow/karrow.hpp>

#include <iostream>

int main(int argc, char **argv)
{
    if (argc != 4) {
        std::cerr << "usage: " << argv[0] << " BOOTSTRAP_SERVERS TOPIC GROUP\n";
        return 2;
    }
    try {
        const karrow::Consumer consumer =
            karrow::consume_to_partitioned_table(karrow::Options(argv[2])
                                                     .set("bootstrap.servers", argv[1])
                                                     .set("group.id", argv[3])
                                                     .set("auto.offset.reset", "earliest")
                                                     .stop(karrow::all_partitions, karrow::Stop::at_end())
                                                     .key(karrow::Spec::ignore())
                                                     .value(karrow::Spec::simple("Value", "utf8")));
        std::int64_t rows = 0;
        karrow::Cycle cycle;
        while ((cycle = consumer.poll(karrow::forever)) && cycle.failed == 0) {
            for (const karrow::Partition &partition : cycle.snapshot.partitions())
                for (const karrow::Batch &batch : partition.batches())
                    rows += batch.rows(); // what there is to do with them comes here
            // Only now: what has not been committed comes again, what has been does not.
            consumer.commit(cycle.snapshot, std::chrono::seconds(30));
        }
        std::cout << rows << " rows\n";
        return cycle.status == karrow::Status::end ? 0 : 1;
    } catch (const karrow::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
