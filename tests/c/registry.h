/*
 * A schema registry as far as specs of a subject need one: a list of schemas, and a thread that answers questions for
 * them. In what C and C++ have in common, for the tests in both.
 */
#ifndef KARROW_TESTS_REGISTRY_H
#define KARROW_TESTS_REGISTRY_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct registry_schema {
    const char *subject;
    int version;
    int id;
    /* "AVRO", "PROTOBUF" or "JSON". */
    const char *type;
    const char *text;
};

struct registry {
    const struct registry_schema *schemas;
    size_t count;
    char url[40];
    int listener;
    /* A pipe: the thread ends when the end that writes is closed. */
    int stop[2];
    pthread_t thread;
};

enum { REGISTRY_BYTES = 16384 };

static inline void registry_must(bool done, const char *what)
{
    if (done)
        return;
    perror(what);
    abort();
}

/* Waits until there is something to read; false: the registry is to stop. */
static inline bool registry_waits(const struct registry *registry, int connection)
{
    struct pollfd awaited[2] = {{connection, POLLIN, 0}, {registry->stop[0], POLLIN, 0}};
    registry_must(poll(awaited, 2, -1) > 0, "poll");
    return awaited[1].revents == 0;
}

/* The latest version is the last one in the list. */
static inline const struct registry_schema *registry_find(const struct registry *registry, const char *path)
{
    const struct registry_schema *found = NULL;
    for (size_t index = 0; index < registry->count; index++) {
        const struct registry_schema *schema = &registry->schemas[index];
        char by_id[64], by_version[256], latest[256];
        snprintf(by_id, sizeof by_id, "/schemas/ids/%d", schema->id);
        snprintf(by_version, sizeof by_version, "/subjects/%s/versions/%d", schema->subject, schema->version);
        snprintf(latest, sizeof latest, "/subjects/%s/versions/latest", schema->subject);
        if (strcmp(path, by_id) == 0 || strcmp(path, by_version) == 0 || strcmp(path, latest) == 0)
            found = schema;
    }
    return found;
}

/* What a registry calls it that it has nothing for this path. */
static inline int registry_complaint(const struct registry *registry, const char *path)
{
    if (strncmp(path, "/schemas/", strlen("/schemas/")) == 0)
        return 40403;
    for (size_t index = 0; index < registry->count; index++) {
        char versions[256];
        snprintf(versions, sizeof versions, "/subjects/%s/versions/", registry->schemas[index].subject);
        if (strncmp(path, versions, strlen(versions)) == 0)
            return 40402;
    }
    return 40401;
}

/* Writes the whole answer to a question for this path. */
static inline void registry_answer(const struct registry *registry, const char *path, char *answer)
{
    char body[REGISTRY_BYTES / 2];
    const char *status = "200 OK";
    const struct registry_schema *schema = registry_find(registry, path);
    if (schema != NULL) {
        int length = snprintf(body, sizeof body, "{\"subject\": \"%s\", \"version\": %d, \"id\": %d, \"schemaType\": "
                              "\"%s\", \"schema\": \"", schema->subject, schema->version, schema->id, schema->type);
        for (const char *letter = schema->text; *letter != '\0'; letter++) {
            registry_must((size_t)length + 5 < sizeof body, "a schema is too long");
            if (strchr("\"\\\n", *letter) != NULL)
                body[length++] = '\\';
            body[length++] = *letter == '\n' ? 'n' : *letter;
        }
        strcpy(body + length, "\"}");
    } else {
        status = "404 Not Found";
        const int code = registry_complaint(registry, path);
        snprintf(body, sizeof body, "{\"error_code\": %d, \"message\": \"not found\"}", code);
    }
    snprintf(answer, REGISTRY_BYTES,
             "HTTP/1.1 %s\r\nContent-Type: application/vnd.schemaregistry.v1+json\r\nContent-Length: %zu\r\n"
             "Connection: close\r\n\r\n%s", status, strlen(body), body);
}

/* Answers one question, unless the other side hangs up. */
static inline void registry_serve(const struct registry *registry, int connection)
{
    char question[REGISTRY_BYTES] = "", path[1024] = "", answer[REGISTRY_BYTES];
    size_t length = 0;
    while (strstr(question, "\r\n\r\n") == NULL) {
        if (!registry_waits(registry, connection))
            return;
        const ssize_t read_bytes = recv(connection, question + length, sizeof question - 1 - length, 0);
        if (read_bytes <= 0)
            return;
        length += (size_t)read_bytes;
        question[length] = '\0';
    }
    registry_must(sscanf(question, "GET %1023[^ ?]", path) == 1, "only GET is answered");
    registry_answer(registry, path, answer);
    for (const char *rest = answer; *rest != '\0';) {
        const ssize_t sent = send(connection, rest, strlen(rest), MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        rest += sent;
    }
}

static inline void *registry_run(void *of)
{
    const struct registry *registry = (const struct registry *)of;
    while (registry_waits(registry, registry->listener)) {
        const int connection = accept(registry->listener, NULL, NULL);
        if (connection < 0)
            continue;
        registry_serve(registry, connection);
        close(connection);
    }
    return NULL;
}

/* Starts a registry of these schemas, which are not copied, under an address of its own. It stays where it is in memory. */
static inline void registry_start(struct registry *registry, const struct registry_schema *schemas, size_t count)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    registry->schemas = schemas;
    registry->count = count;
    registry->listener = socket(AF_INET, SOCK_STREAM, 0);
    registry_must(registry->listener >= 0, "socket");
    registry_must(bind(registry->listener, (struct sockaddr *)&address, length) == 0, "bind");
    registry_must(listen(registry->listener, 16) == 0, "listen");
    registry_must(getsockname(registry->listener, (struct sockaddr *)&address, &length) == 0, "getsockname");
    snprintf(registry->url, sizeof registry->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    registry_must(pipe(registry->stop) == 0, "pipe");
    registry_must(pthread_create(&registry->thread, NULL, registry_run, registry) == 0, "pthread_create");
}

/* Nobody listens under the address any more. */
static inline void registry_stop(struct registry *registry)
{
    close(registry->stop[1]);
    registry_must(pthread_join(registry->thread, NULL) == 0, "pthread_join");
    close(registry->stop[0]);
    close(registry->listener);
}

#endif
