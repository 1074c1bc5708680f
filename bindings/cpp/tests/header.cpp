// karrow.hpp uses all of karrow.h: a function, constant or number that C has, C++ has too.

#include "support.hpp"

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace {

/// Takes out what lies between `begin` and `end`, and `begin` itself.
void remove_all(std::string &text, const char *begin, const char *end)
{
    for (std::size_t from = 0; (from = text.find(begin, from)) != std::string::npos;)
        text.erase(from, text.find(end, from) - from);
}

/// The text of the file whose name is in an environment variable, without comments.
std::string code_of(const char *variable)
{
    const char *path = std::getenv(variable);
    if (path == nullptr)
        throw std::runtime_error(std::string(variable) + " does not name the header");
    std::ifstream file(path);
    std::stringstream content;
    content << file.rdbuf();
    std::string text = content.str();
    // In this order: a path in a comment may end like the beginning of one.
    remove_all(text, "//", "\n");
    remove_all(text, "/*", "*/");
    return text;
}

/// What matches, as its first group has it.
std::set<std::string> all_of(const std::string &text, const char *pattern)
{
    const std::regex regex(pattern);
    std::set<std::string> found;
    for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match)
        found.insert((*match)[1]);
    return found;
}

std::vector<std::string> missing(const std::set<std::string> &expected, const std::set<std::string> &found)
{
    std::vector<std::string> missing;
    std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(), std::back_inserter(missing));
    return missing;
}

} // namespace

TEST(Header, UsesEveryFunctionOfTheLibrary)
{
    const std::set<std::string> functions = all_of(code_of("KARROW_HEADER"), R"(\b(karrow_[a-z_]+)\()");
    const std::set<std::string> used = all_of(code_of("KARROW_CPP_HEADER"), R"(\b(karrow_[a-z_]+)\b)");
    EXPECT_GT(functions.size(), 60U);
    EXPECT_EQ(missing(functions, used), std::vector<std::string>{});
}

TEST(Header, HasEveryConstantOfTheLibrary)
{
    const std::string header = code_of("KARROW_HEADER");
    std::set<std::string> constants = all_of(header, R"(#define (KARROW_[A-Z_]+) )");
    constants.merge(all_of(header, R"(\b(KARROW_[A-Z_]+) =)"));
    const std::set<std::string> used = all_of(code_of("KARROW_CPP_HEADER"), R"(\b(KARROW_[A-Z_]+)\b)");
    EXPECT_GT(constants.size(), 30U);
    EXPECT_EQ(missing(constants, used), std::vector<std::string>{});
}
