/**
 * karrow for Java: Kafka topics as live, partitioned Arrow tables.
 *
 * <p>A {@link io.github.karrow.Consumer} reads a Kafka topic into a partitioned table, one Arrow table for each Kafka
 * partition, and hands each out through the Arrow C Data and C Stream Interfaces without copying. This package knows
 * structs of those by their addresses only, and depends on nothing; the module {@code karrow-arrow} makes readers and
 * vectors of arrow-java of them.
 *
 * <pre>{@code
 * Options options = new Options("orders")
 *     .set("bootstrap.servers", "redpanda:9092")
 *     .key(Spec.ignore())
 *     .value(Spec.json()
 *         .addColumn("Symbol", "String")
 *         .addColumn("Price", "double")
 *         .addColumn("Tstamp", "Instant")
 *         .mapField("jsymbol", "Symbol")
 *         .mapField("jprice", "Price")
 *         .mapField("jts", "Tstamp"))
 *     .tableType(TableType.append());
 * try (Consumer orders = Consumer.consumeToPartitionedTable(options)) {
 *     Map<Integer, Long> seen = new HashMap<>(); // rows of each partition
 *     boolean goesOn = true;
 *     while (goesOn) {
 *         try (Cycle cycle = orders.poll(Duration.ofSeconds(1))) {
 *             for (Partition partition : cycle.partitions()) {
 *                 use(partition, seen.getOrDefault(partition.id(), 0L)); // all rows from that on
 *                 seen.put(partition.id(), partition.endRow());
 *             }
 *             goesOn = cycle.isOk();
 *         }
 *     }
 * }
 * }</pre>
 *
 * <p>A thin layer over {@code karrow.h}, which says in full what every call does; this says what is different in Java.
 * The rules, once:
 *
 * <ul>
 * <li>Errors. What fails throws a {@link io.github.karrow.KarrowException}, which carries all that the library knows.
 *     Outcomes that are part of normal use are values: the end, a full table or a wakeup in poll, no cycle in time in
 *     awaitCycle, no message in time in a log, a partition's failure in a snapshot.
 * <li>Ownership. Whatever is {@link java.lang.AutoCloseable} has something outside the heap. Close consumers, cycles,
 *     snapshots, logs and clusters; the garbage collector is the net for those that are forgotten, and enough for
 *     options and specs. Closing twice, by any thread, and beside any call is safe; what is used after it throws {@code
 *     CLOSED}. What is made from an object never needs it any more: an exported stream outlives its snapshot, a
 *     snapshot its consumer.
 * <li>Threads. Everything may be called by any threads, virtual ones too ({@link io.github.karrow.Karrow} says what
 *     these should know), except that a {@link io.github.karrow.ProcessorCall} belongs to the thread it was given to.
 * <li>Time-outs are {@link java.time.Duration}s: zero does not wait, {@link io.github.karrow.Karrow#FOREVER} waits for
 *     ever; what is finer than a millisecond is rounded up. A negative one, as from a deadline that has passed, never
 *     means to wait for ever: it throws {@code INVALID_ARGUMENT}.
 * <li>Texts cross as UTF-8. One that holds a NUL character, or half of a surrogate pair, throws {@code
 *     INVALID_ARGUMENT} that names the argument.
 * </ul>
 */
package io.github.karrow;
