package io.github.karrow;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * What {@link Spec#json(Class)} makes of a component of a record class, where that does not follow from the component.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Field {
    /**
     * The field that the column reads, if it is not called as the component is: a literal name or, with {@code /}
     * first, a JSON Pointer. In a record inside the record, the name of the member.
     */
    String value() default "";

    /**
     * The column's type, if another one is wanted than that of the component: as {@link Spec#addColumn} takes it, such
     * as {@code decimal128(10, 2)}.
     */
    String type() default "";
}
