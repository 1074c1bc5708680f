//! What the README and the pages of `docs/` show is what is built and run, to the letter.

const README: &str = include_str!("../README.md");

#[test]
fn the_program_in_c_is_the_example() {
    let example = include_str!("../examples/c/count_rows.c");
    assert!(README.contains(&format!("```c\n{example}```\n")), "copy examples/c/count_rows.c into the README");
}

#[test]
fn the_call_in_cpp_is_that_of_the_example() {
    let call = README.split("```cpp\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let example = include_str!("../examples/install/follow_orders.cpp");
    assert!(call.lines().count() > 10 && example.contains(call), "copy the call of follow_orders.cpp into the README");
}

#[test]
fn the_call_in_go_is_that_of_the_example() {
    let call = README.split("```go\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let example = include_str!("../examples/go/follow_orders/main.go");
    assert!(call.lines().count() > 10 && example.contains(call), "copy the call of follow_orders into the README");
}

#[test]
fn the_call_in_java_is_that_of_the_example() {
    let call = README.split("```java\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let example = include_str!("../examples/java/src/main/java/FollowOrders.java");
    assert!(call.lines().count() > 10 && example.contains(call), "copy the call of FollowOrders.java into the README");
}

#[test]
fn the_project_in_cmake_is_that_of_the_example() {
    let example = include_str!("../examples/install/CMakeLists.txt");
    assert!(README.contains(&format!("```cmake\n{example}```\n")), "copy examples/install/CMakeLists.txt");
}

#[test]
fn the_program_on_the_page_of_offsets_is_the_example() {
    let (page, example) = (include_str!("../docs/offsets.md"), include_str!("../examples/cpp/commit_after_use.cpp"));
    assert!(page.contains(&format!("```cpp\n{example}```\n")), "copy examples/cpp/commit_after_use.cpp into the page");
}

#[test]
fn the_program_on_the_page_of_processors_is_the_example() {
    let (page, example) = (include_str!("../docs/processors.md"), include_str!("../examples/cpp/csv_processor.cpp"));
    assert!(page.contains(&format!("```cpp\n{example}```\n")), "copy examples/cpp/csv_processor.cpp into the page");
}
