/**
 * karrow's tables as readers and vectors of arrow-java, without copying.
 *
 * <p>{@link io.github.karrow.arrow.ArrowTables} reads what {@code io.github.karrow} exports, and makes specs of schemas
 * of arrow-java. What it returns is to be closed as everything of arrow-java is; it never needs the snapshot or
 * consumer it came from. An allocator counts what has been imported with it, so that its {@code close} tells what has
 * not been closed.
 *
 * <p>arrow-java reaches into {@code java.nio}: {@code --add-opens=java.base/java.nio=ALL-UNNAMED} lets it.
 */
package io.github.karrow.arrow;
