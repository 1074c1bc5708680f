/*
 * Descriptions of JSON values for karrow::Spec::object_processor, in Deephaven's JSON value language.
 *
 *     namespace values = karrow::values;
 *     karrow::Spec::object_processor(values::object({
 *         {"jsymbol", values::string()},
 *         {"jprice", values::double_().on_null(0)},
 *         {"jlegs", values::array(values::object({{"qty", values::long_().allow_string()}})).parallel()},
 *     }))
 *
 * Each function is a kind of value, and each kind has just the options that the language gives it: an option that there is
 * not does not compile. docs/object-processor.md says what they mean. An option returns a changed copy; of one that is said
 * twice the last counts. Whatever else may be wrong, as two fields of one name, Spec::object_processor says with its place.
 */
#ifndef KARROW_VALUES_HPP
#define KARROW_VALUES_HPP

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace karrow::values {

/// What becomes of a field that is there twice.
enum class Repeated {
    /// The record is bad.
    error,
    /// The first one counts.
    use_first,
};

/// What a number that is an instant counts since 1970.
enum class Epoch { s, ms, us, ns };

namespace detail {

/// A text as JSON has it.
inline std::string quoted(const std::string &text)
{
    std::string json = "\"";
    for (const char character : text) {
        const auto byte = static_cast<unsigned char>(character);
        if (character == '"' || character == '\\')
            json += '\\';
        if (byte < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(byte));
            json += escape;
        } else {
            json += character;
        }
    }
    return json + "\"";
}

inline std::string json_of(bool value)
{
    return value ? "true" : "false";
}

inline std::string json_of(double value)
{
    if (std::isnan(value))
        return "\"NaN\"";
    if (std::isinf(value))
        return value < 0 ? "\"-Infinity\"" : "\"Infinity\"";
    char text[32];
    std::snprintf(text, sizeof text, "%.17g", value);
    for (char &character : text)
        if (character == ',') // where a locale has it
            character = '.';
    return text;
}

} // namespace detail

/// A description of a value, of whatever kind.
class Value {
public:
    /// The description as JSON.
    std::string text() const
    {
        std::string json;
        for (const auto &[name, value] : members_)
            json += (json.empty() ? "{" : ",") + detail::quoted(name) + ":" + value;
        return json + "}";
    }

protected:
    explicit Value(const char *kind) : members_{{"type", detail::quoted(kind)}} {}

    void set(const std::string &name, std::string json)
    {
        for (auto &[known, value] : members_)
            if (known == name) {
                value = std::move(json);
                return;
            }
        members_.emplace_back(name, std::move(json));
    }

    const std::vector<std::pair<std::string, std::string>> &members() const { return members_; }

private:
    friend class Field;

    std::vector<std::pair<std::string, std::string>> members_;
};

/// A field of an object: a name and its value, and what is said about the field itself.
class Field {
public:
    Field(std::string name, const Value &value) : name_(std::move(name)), value_(value) {}

    /// Other names that it may have.
    Field aliases(std::initializer_list<std::string> names) const
    {
        std::string json;
        for (const std::string &name : names)
            json += (json.empty() ? "[" : ",") + detail::quoted(name);
        return with("aliases", json.empty() ? "[]" : json + "]");
    }

    /// What becomes of it if it is there twice; unless this is said, what its object says.
    Field repeated(Repeated behavior) const
    {
        return with("repeated_behavior", behavior == Repeated::error ? "\"error\"" : "\"use_first\"");
    }

    /// Whether its names count in their case; unless this is said, what its object says.
    Field case_sensitive(bool sensitive) const
    {
        const bool is_object = value_.members_.front().second == "\"object\"";
        return with(is_object ? "field_case_sensitive" : "case_sensitive", detail::json_of(sensitive));
    }

    const std::string &name() const { return name_; }
    const Value &value() const { return value_; }

private:
    Field with(const char *name, std::string json) const
    {
        Field changed = *this;
        changed.value_.set(name, std::move(json));
        return changed;
    }

    std::string name_;
    Value value_;
};

namespace detail {

inline std::string json_of(std::initializer_list<Field> fields)
{
    std::string json;
    for (const Field &field : fields)
        json += (json.empty() ? "{" : ",") + quoted(field.name()) + ":" + field.value().text();
    return json.empty() ? "{}" : json + "}";
}

/// What all kinds but any and skip have: options that return the same kind.
template <class Self>
class Kind : public Value {
public:
    /// Whether it may be missing. [true]
    Self allow_missing(bool allow = true) const { return with("allow_missing", json_of(allow)); }

    /// Whether it may be null. [true]
    Self allow_null(bool allow = true) const { return with("allow_null", json_of(allow)); }

protected:
    using Value::Value;

    Self with(const char *name, std::string json) const
    {
        Self changed = static_cast<const Self &>(*this);
        changed.set(name, std::move(json));
        return changed;
    }
};

/// A kind that has values of this type of C++ for null, and for what is missing.
template <class Self, class Constant>
class Constants : public Kind<Self> {
public:
    /// What null becomes.
    Self on_null(const Constant &value) const { return this->with("on_null", constant(value)); }

    /// What becomes of a value that is missing.
    Self on_missing(const Constant &value) const { return this->with("on_missing", constant(value)); }

protected:
    using Kind<Self>::Kind;

private:
    static std::string constant(const std::string &value) { return quoted(value); }
    static std::string constant(bool value) { return json_of(value); }
    static std::string constant(double value) { return json_of(value); }
    static std::string constant(std::int64_t value) { return std::to_string(value); }
    static std::string constant(std::int32_t value) { return std::to_string(value); }
    static std::string constant(std::int16_t value) { return std::to_string(value); }
    static std::string constant(std::int8_t value) { return std::to_string(value); }
};

/// A kind of whole numbers.
template <class Self, class Constant>
class Whole : public Constants<Self, Constant> {
public:
    /// Whether numbers with a point or an exponent are taken, without what is behind the point. [false]
    Self allow_decimal(bool allow = true) const { return this->with("allow_decimal", json_of(allow)); }

    /// Whether text of such a number is taken. [false]
    Self allow_string(bool allow = true) const { return this->with("allow_string", json_of(allow)); }

protected:
    using Constants<Self, Constant>::Constants;
};

/// A kind that takes its text, too, where that is said.
template <class Self, class Constant>
class Textual : public Constants<Self, Constant> {
public:
    /// Whether text of such a value is taken. [false]
    Self allow_string(bool allow = true) const { return this->with("allow_string", json_of(allow)); }

protected:
    using Constants<Self, Constant>::Constants;
};

} // namespace detail

/// bool.
class Bool : public detail::Textual<Bool, bool> {
public:
    Bool() : Textual("bool") {}
};

/// utf8: a string of one unit of UTF-16.
class Char : public detail::Constants<Char, std::string> {
public:
    Char() : Constants("char") {}
};

/// int8.
class Byte : public detail::Whole<Byte, std::int8_t> {
public:
    Byte() : Whole("byte") {}
};

/// int16.
class Short : public detail::Whole<Short, std::int16_t> {
public:
    Short() : Whole("short") {}
};

/// int32.
class Int : public detail::Whole<Int, std::int32_t> {
public:
    Int() : Whole("int") {}
};

/// int64.
class Long : public detail::Whole<Long, std::int64_t> {
public:
    Long() : Whole("long") {}
};

/// float32.
class Float : public detail::Textual<Float, double> {
public:
    Float() : Textual("float") {}
};

/// float64.
class Double : public detail::Textual<Double, double> {
public:
    Double() : Textual("double") {}
};

/// utf8.
class String : public detail::Constants<String, std::string> {
public:
    String() : Constants("string") {}

    /// Whether whole numbers are taken, as they are written. [false]
    String allow_int(bool allow = true) const { return with("allow_int", detail::json_of(allow)); }

    /// Whether other numbers are taken, as they are written. [false]
    String allow_decimal(bool allow = true) const { return with("allow_decimal", detail::json_of(allow)); }

    /// Whether true and false are taken. [false]
    String allow_bool(bool allow = true) const { return with("allow_bool", detail::json_of(allow)); }
};

/// timestamp[ns, UTC]: text in ISO 8601. What stands for null or a missing one is text as well.
class Instant : public detail::Constants<Instant, std::string> {
public:
    Instant() : Constants("instant") {}
};

/// timestamp[ns, UTC]: a number since 1970. What stands for null or a missing one is text in ISO 8601.
class EpochInstant : public detail::Whole<EpochInstant, std::string> {
public:
    explicit EpochInstant(Epoch unit) : Whole("instant")
    {
        static constexpr const char *units[] = {"\"s\"", "\"ms\"", "\"us\"", "\"ns\""};
        set("number_format", units[static_cast<int>(unit)]);
    }
};

/// utf8, the exact number, or a decimal. What stands for null or a missing one is text of a number.
class BigInteger : public detail::Whole<BigInteger, std::string> {
public:
    BigInteger() : Whole("big_integer") {}

    /// A decimal of so many digits, up to 76.
    BigInteger precision(int digits) const { return with("precision", std::to_string(digits)); }
};

/// The same for any number, of which the digits behind the point are kept.
class BigDecimal : public detail::Textual<BigDecimal, std::string> {
public:
    BigDecimal() : Textual("big_decimal") {}

    /// A decimal of so many digits, up to 76, and so many of them behind the point.
    BigDecimal decimal(int precision, int scale) const
    {
        return with("precision", std::to_string(precision)).with("scale", std::to_string(scale));
    }
};

/// utf8: the JSON text of whatever it is.
class Any : public Value {
public:
    Any() : Value("any") {}
};

/// No column: only the kind of the value is looked at.
class Skip : public Value {
public:
    Skip() : Value("skip") {}

    /// What is allowed of which nothing is said. [true]
    Skip allow_by_default(bool allow) const { return with("allow_by_default", allow); }
    Skip allow_missing(bool allow = true) const { return with("allow_missing", allow); }
    Skip allow_null(bool allow = true) const { return with("allow_null", allow); }
    Skip allow_int(bool allow = true) const { return with("allow_int", allow); }
    Skip allow_decimal(bool allow = true) const { return with("allow_decimal", allow); }
    Skip allow_string(bool allow = true) const { return with("allow_string", allow); }
    Skip allow_bool(bool allow = true) const { return with("allow_bool", allow); }
    Skip allow_object(bool allow = true) const { return with("allow_object", allow); }
    Skip allow_array(bool allow = true) const { return with("allow_array", allow); }

private:
    Skip with(const char *name, bool allow) const
    {
        Skip changed = *this;
        changed.set(name, detail::json_of(allow));
        return changed;
    }
};

/// An object, whose fields become columns in this order.
class Object : public detail::Kind<Object> {
public:
    explicit Object(std::initializer_list<Field> fields) : Kind("object") { set("fields", detail::json_of(fields)); }

    /// Whether other fields are passed over. [true]
    Object allow_unknown_fields(bool allow) const { return with("allow_unknown_fields", detail::json_of(allow)); }

    /// What becomes of fields that are there twice, unless they say so themselves. [Repeated::error]
    Object repeated_fields(Repeated behavior) const
    {
        return with("repeated_field_behavior", behavior == Repeated::error ? "\"error\"" : "\"use_first\"");
    }

    /// Whether names of fields count in their case, unless fields say so themselves. [true]
    Object case_sensitive(bool sensitive) const { return with("case_sensitive", detail::json_of(sensitive)); }
};

/// An object whose first field says which others it has: fields of all types, and those of each.
class TypedObject : public detail::Constants<TypedObject, std::string> {
public:
    TypedObject(const std::string &type_field, std::initializer_list<Field> shared_fields,
                std::initializer_list<std::pair<std::string, Object>> objects)
        : Constants("typed_object")
    {
        std::string json;
        for (const auto &[type, object] : objects)
            json += (json.empty() ? "{" : ",") + detail::quoted(type) + ":" + object.text();
        set("type_field", detail::quoted(type_field));
        set("shared_fields", detail::json_of(shared_fields));
        set("objects", json.empty() ? "{}" : json + "}");
    }

    /// Whether other types are kept, with nulls in all other columns. [true]
    TypedObject allow_unknown_types(bool allow) const { return with("allow_unknown_types", detail::json_of(allow)); }
};

/// An array: a list, of structs where an element has several columns.
class Array : public detail::Kind<Array> {
public:
    explicit Array(const Value &element) : Kind("array") { set("element", element.text()); }

    /// A list for each column of an element instead, as in Deephaven.
    Array parallel() const { return with("columns", "\"parallel\""); }
};

/// An array of just these values, each of them a column.
class Tuple : public detail::Kind<Tuple> {
public:
    explicit Tuple(std::initializer_list<Value> values) : Kind("tuple")
    {
        std::string json;
        for (const Value &value : values)
            json += (json.empty() ? "[" : ",") + value.text();
        set("values", json.empty() ? "[]" : json + "]");
    }

    /// With names for their columns.
    explicit Tuple(std::initializer_list<std::pair<std::string, Value>> values) : Kind("tuple")
    {
        std::string json;
        for (const auto &[name, value] : values)
            json += (json.empty() ? "{" : ",") + detail::quoted(name) + ":" + value.text();
        set("values", json.empty() ? "{}" : json + "}");
    }
};

/// An object of any names: a map.
class ObjectEntries : public detail::Kind<ObjectEntries> {
public:
    explicit ObjectEntries(const Value &value_type) : Kind("object_entries") { set("value_type", value_type.text()); }

    /// What keys are, if not strings: a kind that takes text.
    ObjectEntries key_type(const Value &key) const { return with("key_type", key.text()); }

    /// A list of the keys, and one for each column of a value instead, as in Deephaven.
    ObjectEntries parallel() const { return with("columns", "\"parallel\""); }
};

// The kinds by their names in the language; those that C++ keeps for itself have an underscore behind them.

inline Bool bool_()
{
    return Bool();
}
inline Char char_()
{
    return Char();
}
inline Byte byte_()
{
    return Byte();
}
inline Short short_()
{
    return Short();
}
inline Int int_()
{
    return Int();
}
inline Long long_()
{
    return Long();
}
inline Float float_()
{
    return Float();
}
inline Double double_()
{
    return Double();
}
inline String string()
{
    return String();
}
inline Instant instant()
{
    return Instant();
}
inline EpochInstant instant(Epoch unit)
{
    return EpochInstant(unit);
}
inline BigInteger big_integer()
{
    return BigInteger();
}
inline BigDecimal big_decimal()
{
    return BigDecimal();
}
inline Any any()
{
    return Any();
}
inline Skip skip()
{
    return Skip();
}
inline Object object(std::initializer_list<Field> fields)
{
    return Object(fields);
}
inline TypedObject typed_object(const std::string &type_field, std::initializer_list<Field> shared_fields,
                                std::initializer_list<std::pair<std::string, Object>> objects)
{
    return TypedObject(type_field, shared_fields, objects);
}
inline Array array(const Value &element)
{
    return Array(element);
}
inline Tuple tuple(std::initializer_list<Value> values)
{
    return Tuple(values);
}
inline Tuple named_tuple(std::initializer_list<std::pair<std::string, Value>> values)
{
    return Tuple(values);
}
inline ObjectEntries object_entries(const Value &value_type)
{
    return ObjectEntries(value_type);
}

} // namespace karrow::values

#endif
