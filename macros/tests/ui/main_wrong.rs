//! Mains that cannot be.

#![allow(unused)]

mod arguments {
    #[tracehound::main]
    fn main(arguments: Vec<String>) {}
}

mod unknown {
    #[tracehound::main(sampling = 0.5)]
    fn main() {}
}

mod no_runtime {
    #[tracehound::main]
    async fn main() {}
}

mod no_function {
    #[tracehound::main]
    struct Main;
}

fn main() {}
