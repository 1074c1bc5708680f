#include <karrow.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s BOOTSTRAP_SERVERS TOPIC\n", argv[0]);
        return 1;
    }
    karrow_options *options = NULL;
    karrow_spec *ignore = NULL, *value = NULL;
    karrow_consumer *consumer = NULL;
    karrow_snapshot *snapshot = NULL;
    karrow_error *error = NULL;
    int64_t rows = 1, all = 0;

    if (!karrow_options_new(argv[2], &options, &error)
        && !karrow_options_set(options, "bootstrap.servers", argv[1], &error)
        && !karrow_options_set_start_offset(options, KARROW_ALL_PARTITIONS, KARROW_SEEK_TO_BEGINNING, &error)
        && !karrow_spec_new_ignore(&ignore, &error)
        && !karrow_options_set_spec(options, KARROW_SIDE_KEY, ignore, &error)
        && !karrow_spec_new_simple("Value", "utf8", &value, &error)
        && !karrow_options_set_spec(options, KARROW_SIDE_VALUE, value, &error)
        && !karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, &error)
        && !karrow_consumer_new(options, &consumer, &error)
        && !karrow_consumer_open(consumer, 30000, &error))
        while (rows > 0 && !karrow_consumer_poll(consumer, 2000, &rows, NULL, &snapshot, &error)) {
            all += rows;
            karrow_snapshot_free(snapshot); /* karrow_snapshot_export_stream would hand out its rows */
        }
    if (error)
        fprintf(stderr, "%s\n", karrow_error_message(error));
    else
        printf("%lld rows\n", (long long)all);
    int code = error != NULL;
    karrow_error_free(error);
    karrow_consumer_free(consumer);
    karrow_options_free(options);
    karrow_spec_free(ignore);
    karrow_spec_free(value);
    return code;
}
