//! Orders burns processor time and serves what pprof-rs and jemalloc_pprof make of it, below /debug/pprof on loopback.
//!
//!     PORT  the port on 127.0.0.1        HEAP=1  serves /heap, too        CMDLINE=1  serves /cmdline, too

use std::env;
use std::fs;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process;
use std::thread;
use std::time::Duration;

use pprof::protos::Message;

#[global_allocator]
static ALLOC: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[allow(non_upper_case_globals)]
#[export_name = "malloc_conf"]
pub static malloc_conf: &[u8] = b"prof:true,prof_active:true,lg_prof_sample:12\0";

fn main() {
    let listener = TcpListener::bind(format!("127.0.0.1:{}", env::var("PORT").unwrap())).unwrap();
    thread::spawn(spin);
    let kept: Vec<Vec<u8>> = (0..64).map(|_| keep(64 << 10)).collect();
    println!("READY {}", process::id());
    for stream in listener.incoming() {
        thread::spawn(move || serve(stream.unwrap()));
    }
    black_box(kept);
}

fn serve(mut stream: TcpStream) {
    let mut head = [0; 4096];
    let read = stream.read(&mut head).unwrap_or(0);
    let said = String::from_utf8_lossy(&head[..read]).into_owned();
    let path = said.split(' ').nth(1).unwrap_or("").to_owned();
    let (status, body) = match answer(&path) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", b"not found\n".to_vec()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&body);
}

fn answer(path: &str) -> Option<Vec<u8>> {
    if let Some(seconds) = path.strip_prefix("/debug/pprof/profile?seconds=") {
        return Some(profile(seconds.parse().ok()?));
    }
    if path == "/debug/pprof/cmdline" && env::var("CMDLINE").is_ok() {
        let words = fs::read("/proc/self/cmdline").ok()?;
        return Some(words[..words.len() - 1].to_vec());
    }
    if path == "/debug/pprof/heap" && env::var("HEAP").is_ok() {
        return jemalloc_pprof::PROF_CTL.as_ref()?.blocking_lock().dump_pprof().ok();
    }
    None
}

fn profile(seconds: u64) -> Vec<u8> {
    let guard = pprof::ProfilerGuard::new(99).unwrap();
    thread::sleep(Duration::from_secs(seconds));
    guard.report().build().unwrap().pprof().unwrap().encode_to_vec()
}

fn spin() {
    let block = vec![0u8; 16 << 10];
    loop {
        black_box(checksum(black_box(&block)));
    }
}

/// What a profile has to name.
#[inline(never)]
fn checksum(block: &[u8]) -> u64 {
    block.iter().fold(14695981039346656037, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(1099511628211))
}

/// What a heap has to name.
#[inline(never)]
fn keep(size: usize) -> Vec<u8> {
    black_box(vec![1; size])
}
