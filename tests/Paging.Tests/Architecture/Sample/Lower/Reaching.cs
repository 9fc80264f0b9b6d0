namespace Paging.Tests.Architecture.Sample.Lower;

/// <summary>One type for each way to refer to what stands above, named after it.</summary>
internal static class Reaching
{
    internal static int Down(Low low) => low.Value;
}

internal sealed class Low
{
    internal int Value { get; init; }
}

internal sealed class ByBase : Upper.Up;

internal sealed class ByInterface : Upper.IUp;

/// <summary>Without any code, besides.</summary>
internal static class ByField
{
    internal const Upper.UpKind Kind = Upper.UpKind.High;
}

internal static class ByParameter
{
    internal static bool Is(Upper.Up? up) => up is null;
}

internal static class ByPointer
{
    internal static unsafe bool Is(Upper.UpValue* up) => up == null;
}

internal static class ByGenericArgument
{
    internal static int Count(List<Dictionary<int, Upper.Up[]>> ups) => ups.Count;
}

internal static class ByConstraint
{
    internal static bool Is<T>(T? value)
        where T : Upper.Up => value is null;
}

internal static class ByLocal
{
    internal static int Size()
    {
        Span<Upper.UpValue> values = stackalloc Upper.UpValue[2];
        return values.Length;
    }
}

internal static class ByCall
{
    internal static string Name() => Upper.Up.Name;
}

internal static class ByGenericCall
{
    internal static int Count() => Array.Empty<Upper.Up>().Length;
}

internal static class ByToken
{
    internal static Type Type() => typeof(Upper.Up);
}

internal static class ByCatch
{
    internal static bool Throws(Action action)
    {
        try
        {
            action();
            return false;
        }
        catch (Upper.UpException)
        {
            return true;
        }
    }
}

internal static class ByLambda
{
    internal static Func<int, object> Maker(int offset) => number => number == offset ? new Upper.Up() : number;
}

[Upper.UpMark]
internal static class ByAttribute
{
    /// <summary>With a switch in front, whose operand has a length of its own.</summary>
    internal static int Switch(int number) => number switch { 0 => 5, 1 => 9, 2 => 4, 3 => 1, 4 => 8, _ => 0 };
}
