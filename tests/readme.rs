//! What the README shows is the program that is built and run, to the letter.

#[test]
fn the_program_in_the_readme_is_the_example() {
    let (readme, example) = (include_str!("../README.md"), include_str!("../examples/c/count_rows.c"));
    assert!(readme.contains(&format!("```c\n{example}```\n")), "copy examples/c/count_rows.c into the README");
}
