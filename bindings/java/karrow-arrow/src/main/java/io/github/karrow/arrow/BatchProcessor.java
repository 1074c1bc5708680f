package io.github.karrow.arrow;

import io.github.karrow.Processor;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Makes columns of the keys or values of records, batch by batch: {@link ArrowTables#callback}. All that {@link
 * Processor} says of when and where it runs holds here too.
 */
@FunctionalInterface
public interface BatchProcessor {
    /**
     * Makes the columns that the spec declared, with a row for each of the input's.
     *
     * @param batch the input; closed when this returns
     * @return the output, which is closed once it has been handed on; null fails the batch as a whole
     * @throws Exception fails the batch as a whole: its partition stops at its first record, and says the exception's
     *     message, which must hold nothing of a payload; resume has the same records come again
     */
    VectorSchemaRoot process(Batch batch) throws Exception;
}
