/*
 * Where the conformance cases have their topics: on the embedded cluster, or on a broker, as tests/conformance/README.md
 * says.
 */
#ifndef KARROW_CPP_TESTS_PLACE_HPP
#define KARROW_CPP_TESTS_PLACE_HPP

#include <karrow/karrow.hpp>

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

namespace conformance {

/// The address at which topics of a broker are asked for, or nothing.
inline const char *broker_address()
{
    return std::getenv("KARROW_CONFORMANCE_BROKER");
}

inline bool at_broker()
{
    return broker_address() != nullptr;
}

/// One cluster for all cases; their names tell topics apart.
inline const karrow::MockCluster &cluster()
{
    static const karrow::MockCluster cluster;
    return cluster;
}

/// What the topic of a case is called.
inline std::string topic_of(const std::string &name)
{
    return at_broker() ? "cpp-" + name : name;
}

inline std::string bootstrap_servers()
{
    return at_broker() ? std::getenv("KARROW_CONFORMANCE_SERVERS") : cluster().bootstrap_servers();
}

/// A connection that is closed in the end.
class Connection {
public:
    explicit Connection(const std::string &address)
    {
        const std::size_t colon = address.rfind(':');
        addrinfo *found = nullptr;
        if (getaddrinfo(address.substr(0, colon).c_str(), address.substr(colon + 1).c_str(), nullptr, &found) != 0)
            throw std::runtime_error("there is no address " + address);
        socket_ = socket(found->ai_family, SOCK_STREAM, 0);
        const bool is_open = socket_ >= 0 && connect(socket_, found->ai_addr, found->ai_addrlen) == 0;
        freeaddrinfo(found);
        if (!is_open) {
            close(socket_);
            throw std::runtime_error("nobody listens at " + address);
        }
    }

    ~Connection() { close(socket_); }
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    void send_line(std::string line)
    {
        line += '\n';
        for (std::size_t sent = 0; sent < line.size();) {
            const ssize_t count = send(socket_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
            if (count < 0)
                throw std::runtime_error("nobody reads the question");
            sent += static_cast<std::size_t>(count);
        }
    }

    /// All that comes until the other side closes.
    std::string rest()
    {
        std::string text;
        char part[256];
        for (ssize_t count; (count = recv(socket_, part, sizeof part, 0)) > 0;)
            text.append(part, static_cast<std::size_t>(count));
        return text;
    }

private:
    int socket_;
};

/// Has the test that runs this program do something to a topic of the broker.
inline void ask(const nlohmann::json &question)
{
    Connection connection(broker_address());
    connection.send_line(question.dump());
    const std::string answer = connection.rest();
    if (answer != "done\n")
        throw std::runtime_error("the answer to " + question.dump() + " is \"" + answer + "\"");
}

inline void create_topic(const std::string &topic, std::int32_t partitions, const nlohmann::json &config)
{
    if (at_broker())
        ask({{"topic", topic}, {"partitions", partitions}, {"config", config}});
    else
        cluster().create_topic(topic, partitions);
}

inline void produce_records(const std::string &topic, const nlohmann::json &records)
{
    if (at_broker())
        ask({{"topic", topic}, {"records", records}});
    else
        cluster().produce_records(topic, records.dump());
}

} // namespace conformance

#endif
