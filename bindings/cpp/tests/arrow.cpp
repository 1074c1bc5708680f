// Owners of Arrow structs, with structs of another producer: what is released when, and how errors come through.

#include "support.hpp"

using namespace karrow;
using support::array_of;
using support::bytes_of;
using support::Field;
using support::schema_of;

namespace {

class Owners : public ::testing::Test {
protected:
    void SetUp() override { support::released() = 0; }
};

ArrowSchema schema_struct()
{
    return support::make_schema("", "i");
}

} // namespace

// Owners ----------------------------------------------------------------------------------------------------------

TEST_F(Owners, ReleaseOnceAtTheirEnd)
{
    ArrowSchema source = schema_struct();
    {
        Schema schema(&source);
        EXPECT_TRUE(schema);
        EXPECT_STREQ(schema->format, "i");
        EXPECT_EQ(source.release, nullptr);
        EXPECT_EQ(support::released(), 0);
    }
    EXPECT_EQ(support::released(), 1);
}

TEST_F(Owners, AreEmptyToBeginWith)
{
    Schema schema;
    EXPECT_FALSE(schema);
    EXPECT_NE(schema.get(), nullptr);
    EXPECT_EQ(schema.get()->release, nullptr);
    schema.reset();
}

TEST_F(Owners, MoveTheirContent)
{
    ArrowSchema source = schema_struct();
    Schema first(&source);
    Schema second(std::move(first));
    EXPECT_FALSE(first);
    EXPECT_EQ(first->n_children, 0);
    EXPECT_EQ(first->format, nullptr);
    EXPECT_TRUE(second);
    EXPECT_EQ(support::released(), 0);
}

TEST_F(Owners, ReleaseWhatIsAssignedOver)
{
    ArrowSchema one = schema_struct(), other = schema_struct();
    Schema schema(&one), assigned(&other);
    schema = std::move(assigned);
    EXPECT_EQ(support::released(), 1);
    EXPECT_TRUE(schema);
    EXPECT_FALSE(assigned);
    schema = Schema();
    EXPECT_EQ(support::released(), 2);
    EXPECT_FALSE(schema);
}

TEST_F(Owners, SurviveBeingAssignedToThemselves)
{
    ArrowSchema source = schema_struct();
    Schema schema(&source);
    Schema &same = schema;
    schema = std::move(same);
    EXPECT_TRUE(schema);
    EXPECT_STREQ(schema->format, "i");
    EXPECT_EQ(support::released(), 0);
}

TEST_F(Owners, ReleaseEarlyIfAskedTo)
{
    ArrowSchema source = schema_struct();
    Schema schema(&source);
    schema.reset();
    EXPECT_FALSE(schema);
    EXPECT_EQ(support::released(), 1);
    schema.reset();
    EXPECT_EQ(support::released(), 1);
}

TEST_F(Owners, HandTheirContentToMemoryOfTheCallers)
{
    ArrowSchema source = schema_struct();
    ArrowSchema mine;
    std::memset(&mine, 0x5a, sizeof mine);
    {
        Schema schema(&source);
        schema.move_to(&mine);
        EXPECT_FALSE(schema);
    }
    EXPECT_EQ(support::released(), 0);
    EXPECT_STREQ(mine.format, "i");
    mine.release(&mine);
    EXPECT_EQ(support::released(), 1);
}

TEST_F(Owners, AreEmptyOnceAnotherImplementationHasTakenTheirContent)
{
    ArrowSchema source = schema_struct();
    Schema schema(&source);
    ArrowSchema imported = *schema.get(); // as the specification has it moved
    schema.get()->release = nullptr;
    EXPECT_FALSE(schema);
    schema.reset();
    EXPECT_EQ(support::released(), 0);
    imported.release(&imported);
}

// Streams ---------------------------------------------------------------------------------------------------------

namespace {

/// A stream of numbers 0, 1, 2, ... in batches of one row, which fails at some batch.
struct Numbers {
    int batches;
    int fails_at = -1;
    bool without_message = false;
    bool without_schema = false;
    int next = 0;
};

const std::vector<Field> &number_fields(int number = 0)
{
    static std::vector<Field> fields;
    fields = {{"Number", "i", {bytes_of<std::int32_t>({number})}}};
    return fields;
}

Stream stream_of(Numbers &numbers)
{
    ArrowArrayStream stream{};
    stream.private_data = &numbers;
    stream.get_schema = [](ArrowArrayStream *self, ArrowSchema *out) {
        if (static_cast<Numbers *>(self->private_data)->without_schema)
            return EIO;
        schema_of(number_fields()).move_to(out);
        return 0;
    };
    stream.get_next = [](ArrowArrayStream *self, ArrowArray *out) {
        auto *state = static_cast<Numbers *>(self->private_data);
        if (state->next == state->fails_at)
            return EIO;
        if (state->next == state->batches)
            out->release = nullptr;
        else
            array_of(number_fields(state->next++), 1).move_to(out);
        return 0;
    };
    stream.get_last_error = [](ArrowArrayStream *self) -> const char * {
        return static_cast<Numbers *>(self->private_data)->without_message ? nullptr : "the well has run dry";
    };
    stream.release = [](ArrowArrayStream *self) {
        self->release = nullptr;
        ++support::released();
    };
    return Stream(&stream);
}

} // namespace

class Streams : public Owners {};

TEST_F(Streams, GiveBatchAfterBatchAndThenNothing)
{
    Numbers numbers{2};
    Stream stream = stream_of(numbers);
    EXPECT_STREQ(stream.schema()->children[0]->name, "Number");
    for (int batch = 0; batch < 2; ++batch) {
        std::optional<Array> array = stream.next();
        ASSERT_TRUE(array);
        EXPECT_EQ((*array)->length, 1);
    }
    EXPECT_FALSE(stream.next());
    EXPECT_FALSE(stream.next());
}

TEST_F(Streams, FailWithTheProducersMessage)
{
    Numbers numbers{2, 1};
    Stream stream = stream_of(numbers);
    EXPECT_TRUE(stream.next());
    support::expect_error([&] { stream.next(); }, Status::internal, "the well has run dry");
    Numbers no_schema{2};
    no_schema.without_schema = true;
    Stream bare = stream_of(no_schema);
    support::expect_error([&] { bare.schema(); }, Status::internal, "the well has run dry");
}

TEST_F(Streams, FailWithTheErrorNumberIfThereIsNoMessage)
{
    Numbers numbers{1, 0, true};
    Stream stream = stream_of(numbers);
    support::expect_error([&] { stream.next(); }, Status::internal, std::generic_category().message(EIO));
}

TEST_F(Streams, ThatHaveBeenMovedOrReleasedSaySo)
{
    Numbers numbers{1};
    Stream stream = stream_of(numbers);
    Stream other = std::move(stream);
    support::expect_error([&] { stream.next(); }, Status::invalid_argument, "stream: has been released or moved");
    support::expect_error([&] { stream.schema(); }, Status::invalid_argument, "stream: has been released or moved");
    other.reset();
    support::expect_error([&] { other.next(); }, Status::invalid_argument, "stream: has been released or moved");
    EXPECT_EQ(support::released(), 1);
}

// Ranges of batches -----------------------------------------------------------------------------------------------

class Ranges : public Owners {};

TEST_F(Ranges, GoOverAllBatchesOfAStream)
{
    Numbers numbers{3};
    std::int32_t expected = 0;
    for (const Batch &batch : Batches(stream_of(numbers))) {
        EXPECT_EQ(batch.rows(), 1);
        EXPECT_EQ(batch.column<std::int32_t>("Number")[0], expected++);
    }
    EXPECT_EQ(expected, 3);
}

TEST_F(Ranges, OfAnEmptyStreamAreEmpty)
{
    Numbers numbers{0};
    Batches batches(stream_of(numbers));
    EXPECT_EQ(batches.begin(), batches.end());
}

TEST_F(Ranges, LetGoOfABatchBeforeTheyReadTheNext)
{
    Numbers numbers{3};
    int batches = 0;
    for ([[maybe_unused]] const Batch &batch : Batches(stream_of(numbers))) {
        if (batches == 0)
            support::released() = 0; // the schema that was asked for first
        EXPECT_EQ(support::released(), 2 * batches++); // an array and its child each
    }
}

TEST_F(Ranges, LetBatchesBeKept)
{
    Numbers numbers{3};
    std::vector<Batch> kept;
    for (Batch &batch : Batches(stream_of(numbers)))
        kept.push_back(std::move(batch));
    ASSERT_EQ(kept.size(), 3U);
    for (std::size_t index = 0; index < kept.size(); ++index)
        EXPECT_EQ(kept[index].column<std::int32_t>("Number")[0], static_cast<std::int32_t>(index));
}

TEST_F(Ranges, PassOnWhatAStreamThrows)
{
    Numbers numbers{3, 1};
    int batches = 0;
    support::expect_error(
        [&] {
            for ([[maybe_unused]] const Batch &batch : Batches(stream_of(numbers)))
                ++batches;
        },
        Status::internal, "the well has run dry");
    EXPECT_EQ(batches, 1);
}

TEST_F(Ranges, ReleaseEverythingWhenTheLoopIsLeftEarly)
{
    Numbers numbers{3};
    for ([[maybe_unused]] const Batch &batch : Batches(stream_of(numbers)))
        break;
    EXPECT_EQ(support::released(), 2 + 2 + 1); // schema and child, array and child, stream
}
