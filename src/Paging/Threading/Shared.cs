using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>Accesses to shared words, each of which a seeded scheduler may precede by a switch of threads. They are the members of
/// <see cref="Volatile"/> and <see cref="Interlocked"/>, with the kind of word as an argument. Without the test seam they are those members
/// and nothing else.</summary>
/// <remarks>The arguments are evaluated before the switch. Where that matters, or where one switch stands for more than one access, the
/// code calls <see cref="TestHook.Reach"/> itself. Words in native memory are passed by pointer: the address of a reference would cost an
/// instruction of its own.</remarks>
internal static unsafe class Shared
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static byte Read(SharedWord word, ref byte location)
    {
        TestHook.Reach(word);
        return Volatile.Read(ref location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Read(SharedWord word, ref int location)
    {
        TestHook.Reach(word);
        return Volatile.Read(ref location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Read(SharedWord word, ref uint location)
    {
        TestHook.Reach(word);
        return Volatile.Read(ref location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static long Read(SharedWord word, ref long location)
    {
        TestHook.Reach(word);
        return Volatile.Read(ref location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Read(SharedWord word, ref ulong location)
    {
        TestHook.Reach(word);
        return Volatile.Read(ref location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nint Read(SharedWord word, ref nint location)
    {
        TestHook.Reach(word);
        return Volatile.Read(ref location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Read<T>(SharedWord word, ref T location)
        where T : class?
    {
        TestHook.Reach(word);
        return Volatile.Read(ref location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static byte Read(SharedWord word, byte* location)
    {
        TestHook.Reach(word);
        return Volatile.Read(ref *location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Read(SharedWord word, int* location)
    {
        TestHook.Reach(word);
        return Volatile.Read(ref *location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Read(SharedWord word, uint* location)
    {
        TestHook.Reach(word);
        return Volatile.Read(ref *location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Read(SharedWord word, ulong* location)
    {
        TestHook.Reach(word);
        return Volatile.Read(ref *location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nint Read(SharedWord word, nint* location)
    {
        TestHook.Reach(word);
        return Volatile.Read(ref *location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Write(SharedWord word, ref int location, int value)
    {
        TestHook.Reach(word);
        Volatile.Write(ref location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Write(SharedWord word, ref nint location, nint value)
    {
        TestHook.Reach(word);
        Volatile.Write(ref location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Write<T>(SharedWord word, ref T location, T value)
        where T : class?
    {
        TestHook.Reach(word);
        Volatile.Write(ref location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Write(SharedWord word, uint* location, uint value)
    {
        TestHook.Reach(word);
        Volatile.Write(ref *location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Write(SharedWord word, ulong* location, ulong value)
    {
        TestHook.Reach(word);
        Volatile.Write(ref *location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Write(SharedWord word, nint* location, nint value)
    {
        TestHook.Reach(word);
        Volatile.Write(ref *location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int CompareExchange(SharedWord word, ref int location, int value, int comparand)
    {
        TestHook.Reach(word);
        return Interlocked.CompareExchange(ref location, value, comparand);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static long CompareExchange(SharedWord word, ref long location, long value, long comparand)
    {
        TestHook.Reach(word);
        return Interlocked.CompareExchange(ref location, value, comparand);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong CompareExchange(SharedWord word, ref ulong location, ulong value, ulong comparand)
    {
        TestHook.Reach(word);
        return Interlocked.CompareExchange(ref location, value, comparand);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T CompareExchange<T>(SharedWord word, ref T location, T value, T comparand)
        where T : class?
    {
        TestHook.Reach(word);
        return Interlocked.CompareExchange(ref location, value, comparand);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong CompareExchange(SharedWord word, ulong* location, ulong value, ulong comparand)
    {
        TestHook.Reach(word);
        return Interlocked.CompareExchange(ref *location, value, comparand);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Exchange(SharedWord word, ref int location, int value)
    {
        TestHook.Reach(word);
        return Interlocked.Exchange(ref location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static long Exchange(SharedWord word, ref long location, long value)
    {
        TestHook.Reach(word);
        return Interlocked.Exchange(ref location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Exchange<T>(SharedWord word, ref T location, T value)
        where T : class?
    {
        TestHook.Reach(word);
        return Interlocked.Exchange(ref location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static byte Exchange(SharedWord word, byte* location, byte value)
    {
        TestHook.Reach(word);
        return Interlocked.Exchange(ref *location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Exchange(SharedWord word, uint* location, uint value)
    {
        TestHook.Reach(word);
        return Interlocked.Exchange(ref *location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Exchange(SharedWord word, ulong* location, ulong value)
    {
        TestHook.Reach(word);
        return Interlocked.Exchange(ref *location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Add(SharedWord word, int* location, int value)
    {
        TestHook.Reach(word);
        return Interlocked.Add(ref *location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Add(SharedWord word, ulong* location, ulong value)
    {
        TestHook.Reach(word);
        return Interlocked.Add(ref *location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static long Add(SharedWord word, ref long location, long value)
    {
        TestHook.Reach(word);
        return Interlocked.Add(ref location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Increment(SharedWord word, ref int location)
    {
        TestHook.Reach(word);
        return Interlocked.Increment(ref location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static long Increment(SharedWord word, ref long location)
    {
        TestHook.Reach(word);
        return Interlocked.Increment(ref location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Decrement(SharedWord word, ref int location)
    {
        TestHook.Reach(word);
        return Interlocked.Decrement(ref location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static long Decrement(SharedWord word, ref long location)
    {
        TestHook.Reach(word);
        return Interlocked.Decrement(ref location);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Or(SharedWord word, ref ulong location, ulong value)
    {
        TestHook.Reach(word);
        return Interlocked.Or(ref location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Or(SharedWord word, ulong* location, ulong value)
    {
        TestHook.Reach(word);
        return Interlocked.Or(ref *location, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong And(SharedWord word, ulong* location, ulong value)
    {
        TestHook.Reach(word);
        return Interlocked.And(ref *location, value);
    }
}
