package io.github.karrow.arrow;

import io.github.karrow.Processor;
import io.github.karrow.ProcessorCall;
import org.apache.arrow.c.ArrowArray;
import org.apache.arrow.c.ArrowSchema;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/** A {@link BatchProcessor} over addresses. */
final class ArrowProcessor implements Processor {
    private final BufferAllocator allocator;
    private final BatchProcessor processor;

    ArrowProcessor(BufferAllocator allocator, BatchProcessor processor) {
        this.allocator = allocator;
        this.processor = processor;
    }

    @Override
    public void process(ProcessorCall call) throws Exception {
        try (VectorSchemaRoot input = ArrowTables.root(allocator, call::takeInput, null);
                VectorSchemaRoot output = processor.process(new Batch(call, input))) {
            if (output == null) {
                call.fail("the processor has returned null instead of its columns");
                return;
            }
            setOutput(call, output);
        }
    }

    private void setOutput(ProcessorCall call, VectorSchemaRoot output) {
        try (ArrowArray array = ArrowArray.allocateNew(allocator);
                ArrowSchema schema = ArrowSchema.allocateNew(allocator)) {
            Data.exportVectorSchemaRoot(allocator, output, null, array, schema);
            try {
                // Takes the array over whatever comes of it, but only borrows the schema.
                call.setOutput(array.memoryAddress(), schema.memoryAddress());
            } finally {
                schema.release();
            }
        }
    }
}
